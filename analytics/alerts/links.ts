import type { Deployment } from '../../schemas/contracts/deployment.ts'

/** Address of a release's report. @param publicUrl without a slash at the end */
export function reportUrl(
  publicUrl: string,
  of: Pick<Deployment, 'service' | 'version' | 'environment'>,
): string {
  const page = `${publicUrl}/releases/${encodeURIComponent(of.service)}/${encodeURIComponent(of.version)}`
  return `${page}?environment=${encodeURIComponent(of.environment)}`
}

/** Where a person acknowledges or mutes an alert. */
export function alertUrl(publicUrl: string, alertId: string): string {
  return `${publicUrl}/alerts#${encodeURIComponent(alertId)}`
}
