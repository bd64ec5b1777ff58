import { ensureDebianPackages } from './debian-packages.ts'

export default function setup(): void {
  ensureDebianPackages({
    'prometheus-alertmanager': '/usr/bin/prometheus-alertmanager',
    // Apache Kafka comes from Maven.
    'openjdk-17-jre-headless': '/usr/bin/java',
    maven: '/usr/bin/mvn',
  })
}
