import { ensureDebianPackages } from './debian-packages.ts'

export default function setup(): void {
  ensureDebianPackages({ chromium: '/usr/bin/chromium' })
}
