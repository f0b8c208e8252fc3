import type { Address, NodeId } from '../../machines/batch.ts'

/** A server and its address. */
export interface ServerAddress {
  readonly id: NodeId
  readonly address: Address
}
