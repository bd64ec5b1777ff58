import type { Alert } from '../../schemas/contracts/alert.ts'
import type { Deployment } from '../../schemas/contracts/deployment.ts'

export const NOTICE_EVENTS = ['firing', 'acknowledged', 'resolved', 'deployment'] as const
export type NoticeEvent = (typeof NOTICE_EVENTS)[number]

export interface AlertNotice {
  readonly kind: 'alert'
  /** The same for every attempt at telling one receiver of one revision. */
  readonly id: string
  readonly event: 'firing' | 'acknowledged' | 'resolved'
  readonly alert: Omit<Alert, 'deliveries'>
  /** True: the receiver has heard of this alert before, and it has grown. */
  readonly update: boolean
  /** Severities under which the receiver has heard of it before: where severity is part of the identity, those have to end. */
  readonly formerSeverities: readonly Alert['severity'][]
  /** Where a person acknowledges it. */
  readonly acknowledgeUrl: string
}

/** A deployment, for those who keep a calendar of changes. */
export interface DeploymentNotice {
  readonly kind: 'deployment'
  readonly id: string
  readonly event: 'deployment'
  readonly deployment: Deployment
  /** Address of its report. */
  readonly link: string
}

/** One thing to tell one receiver. Holds no secrets: it is kept in the outbox as it is. */
export type Notice = AlertNotice | DeploymentNotice

export function alertNoticeId(
  alert: Pick<Alert, 'id' | 'revision' | 'acknowledged'>,
  event: AlertNotice['event'],
): string {
  // Who takes over from somebody else acknowledges again within the same revision.
  return event === 'acknowledged'
    ? `${alert.id}/acknowledged/${alert.acknowledged?.at ?? ''}`
    : `${alert.id}/${alert.revision}/${event}`
}
