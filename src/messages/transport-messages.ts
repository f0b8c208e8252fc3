/** The message between the transports of two processes. */
import { Type } from '@sinclair/typebox'
import type { Challenge } from '../../machines/messages.ts'
import { type Entries, noBatches, noKey } from './entry.ts'
import { closed, cookie, integer, nonce } from './part-schemas.ts'

export const transportMessages = {
  challenge: {
    schema: closed({ type: Type.Literal('challenge'), cookie, withheld: integer, nonce }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (_, { sender }) =>
      sender === null ? 'challenge: only a server sends it, and the envelope names no sender' : null,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ withheld }) => `challenge: ${withheld} withheld`,
    kind: 'response',
    label: () => 'challenge',
    key: noKey,
  },
} as const satisfies Entries<Challenge>
