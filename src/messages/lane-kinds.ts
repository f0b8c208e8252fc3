import type { NodeMessage } from '../../machines/messages.ts'

/**
 * The groups of messages in the lanes: one for each message type of the roles, and two for the messages from and to clients.
 * `settled` and `compared` belong to `chosen`, `compare` to `learn`, and `handOver` to `request`.
 */
export type LaneKind =
  | Exclude<NodeMessage['type'], 'settled' | 'handOver' | 'compare' | 'compared'>
  | 'request'
  | 'response'
