import type { NodeMessage } from '../../machines/messages.ts'

/**
 * The groups of messages in the lanes: one for each message type of the roles, and two for the messages from and to clients.
 * `settled`, `compacted`, `chunk` and `compared` belong to `chosen`, `fetch`, `compare` and `exposure` to `learn`, and `handOver` to `request`.
 */
export type LaneKind =
  | Exclude<
      NodeMessage['type'],
      'settled' | 'compacted' | 'chunk' | 'fetch' | 'handOver' | 'compare' | 'compared' | 'exposure'
    >
  | 'request'
  | 'response'
