import { ensureDebianPackages } from './debian-packages.ts'

export default function setup(): void {
  ensureDebianPackages({
    'prometheus-alertmanager': '/usr/bin/prometheus-alertmanager',
    strace: '/usr/bin/strace',
    postgresql: '/usr/lib/postgresql',
    'mariadb-server': '/usr/sbin/mariadbd',
    prometheus: '/usr/bin/prometheus',
    'prometheus-node-exporter': '/usr/bin/prometheus-node-exporter',
    'python3-prometheus-client': '/usr/lib/python3/dist-packages/prometheus_client/__init__.py',
    'libxml2-utils': '/usr/bin/xmllint',
    // Apache Kafka and the OpenTelemetry SDK for Java come from Maven.
    'openjdk-17-jdk-headless': '/usr/bin/javac',
    maven: '/usr/bin/mvn',
  })
}
