import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate that is its own authority. @param name such as `DNS:localhost` or `IP:127.0.0.1` */
export async function makeCertificate(
  folder: string,
  file: string,
  name: string,
): Promise<{ readonly cert: string; readonly key: string }> {
  const [cert, key] = [join(folder, `${file}.pem`), join(folder, `${file}.key`)]
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ]
  const about = ['-subj', '/CN=postflight-test', '-addext', `subjectAltName=${name}`]
  await promisify(execFile)('openssl', [...request, ...about, '-out', cert, '-keyout', key])
  return { cert, key }
}
