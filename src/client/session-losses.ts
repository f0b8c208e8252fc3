import type { LossReason } from '../../machines/lease-context.ts'

/** For the message of an error: why what was held in a session is lost. */
export const sessionLosses: Record<LossReason, string> = {
  unproved: 'no server confirmed in time that the session lives',
  revoked: 'an operator or another client had the session revoked',
  ended: 'the session has ended',
}
