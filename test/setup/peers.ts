import { ensureDebianPackages } from './debian-packages.ts'

export default function setup(): void {
  ensureDebianPackages({ 'prometheus-alertmanager': '/usr/bin/prometheus-alertmanager' })
}
