/** The errors of `client.kv`. */
import type { LossReason } from '../../machines/lease-context.ts'
import { PaxosError } from './errors.ts'
import { sessionLosses } from './session-losses.ts'

/** The reason of the signal of a key: the client must not believe any more that the key has the value that lives with its session. */
export class KeyLost extends PaxosError {
  override readonly name = 'KeyLost'
  readonly key: string
  readonly reason: LossReason

  constructor(key: string, reason: LossReason) {
    super(
      `the key ${JSON.stringify(key)} is deleted with its session, now or soon: ${sessionLosses[reason]}; put it again if it is still needed`,
    )
    this.key = key
    this.reason = reason
  }
}
