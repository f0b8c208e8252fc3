/** Observes the machines that carry the sessions of a client. For the inspector. */
import type { Address } from '../../machines/batch.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import type { ClientRecord } from '../inspect/records/record.ts'

export type HeardByClient = NonNullable<ClientRecord['heard']>['message']

/** An event at the machine of one session, as in `ClientRecord`, with the address of each server. */
export interface ClientMove extends Pick<ClientRecord, 'uid' | 'event' | 'moves' | 'machine'> {
  readonly heard: { readonly from: Address; readonly message: HeardByClient } | null
  readonly said: readonly { readonly to: Address; readonly message: RequestMessage }[]
}

export type ClientObserver = (move: ClientMove) => void
