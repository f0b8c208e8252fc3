/** The messages that clients send to servers. */
import { Type } from '@sinclair/typebox'
import type { ClientMessage } from '../../machines/messages.ts'
import { requestName } from '../core/names.ts'
import { isPlainText } from '../core/plain-text-client.ts'
import { noContradiction } from './contradictions.ts'
import { type Entries, noBatches, noKey, requestKey } from './entry.ts'
import { closed, nonce, request } from './part-schemas.ts'
import { requestText } from './part-texts.ts'

export const clientMessages = {
  request: {
    schema: closed({ type: Type.Literal('request'), ...request }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: ({ uid }) =>
      isPlainText(uid) ? `request: the uid ${uid} is reserved for plain text clients` : null,
    repetitionKey: requestKey,
    ...noBatches,
    sentence: (message) => `request ${requestText(message)}`,
    kind: 'request',
    label: (message) => `request ${requestName(message)}`,
    key: requestKey,
  },
  hello: {
    schema: closed({ type: Type.Literal('hello'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'hello',
    kind: 'request',
    label: () => 'hello',
    key: noKey,
  },
  inquire: {
    schema: closed({ type: Type.Literal('inquire'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'inquire',
    kind: 'request',
    label: () => 'inquire',
    key: noKey,
  },
} as const satisfies Entries<ClientMessage>
