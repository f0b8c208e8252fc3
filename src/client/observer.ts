/** How somebody watches the machines of a client that carry its requests: for the inspector. */
import type { Address } from '../../machines/batch.ts'
import type { RequestMessage } from '../../machines/messages.ts'
import type { ClientRecord } from '../inspect/records/record.ts'

export type HeardByClient = NonNullable<ClientRecord['heard']>['message']

/** An event at the machine of one request, as `ClientRecord` has it, with servers by where they are. */
export interface ClientMove extends Pick<ClientRecord, 'seq' | 'event' | 'moves' | 'stand'> {
  readonly heard: { readonly from: Address; readonly message: HeardByClient } | null
  readonly said: readonly { readonly to: Address; readonly message: RequestMessage }[]
}

export type ClientObserver = (move: ClientMove) => void
