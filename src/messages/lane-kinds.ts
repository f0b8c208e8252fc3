import type { NodeMessage } from '../../machines/messages.ts'

/** How the lanes group messages to other parties: each type of a role's message by itself, and what clients send and receive. */
export type LaneKind = NodeMessage['type'] | 'request' | 'response'
