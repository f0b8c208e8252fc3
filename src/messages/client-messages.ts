/** The messages between clients and servers. */
import { Type } from '@sinclair/typebox'
import type { ClientMessage, ServerMessage } from '../../machines/messages.ts'
import { requestName } from '../core/names.ts'
import { isPlainText } from '../core/plain-text-client.ts'
import { noContradiction } from './contradictions.ts'
import { type Entries, noBatches, noKey } from './entry.ts'
import { address, closed, integer, name, nonce, outcome, request, result } from './part-schemas.ts'
import { outcomeText, requestText } from './part-texts.ts'

export const clientMessages = {
  request: {
    schema: closed({ type: Type.Literal('request'), ...request }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: ({ uid }) =>
      isPlainText(uid)
        ? `request: it asks in the name of ${uid}, which only plain text from there may do`
        : null,
    repetitionKey: requestKey,
    batches: noBatches,
    sentence: (message) => `request ${requestText(message)}`,
    kind: 'request',
    label: (message) => `request ${requestName(message)}`,
    key: requestKey,
  },
  queued: {
    schema: closed({ type: Type.Literal('queued'), uid: name, seq: integer }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: requestKey,
    batches: noBatches,
    sentence: (message) => `queued ${requestName(message)}`,
    kind: 'response',
    label: (message) => `queued ${requestName(message)}`,
    key: requestKey,
  },
  busy: {
    schema: closed({
      type: Type.Literal('busy'),
      uid: name,
      seq: integer,
      reason: Type.Union([Type.Literal('busy'), Type.Literal('notMember'), Type.Literal('stopping')]),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: requestKey,
    batches: noBatches,
    sentence: (message) => `busy ${requestName(message)}: ${message.reason}`,
    kind: 'response',
    label: (message) => `busy ${requestName(message)}`,
    key: requestKey,
  },
  response: {
    schema: closed({ type: Type.Literal('response'), uid: name, seq: integer, outcome }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: requestKey,
    batches: noBatches,
    sentence: (message) => `response ${requestName(message)}: ${outcomeText(message.outcome)}`,
    kind: 'response',
    label: (message) => `response ${requestName(message)}`,
    key: (message) => `${message.outcome.kind} ${requestKey(message)}`,
  },
  hello: {
    schema: closed({ type: Type.Literal('hello'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    batches: noBatches,
    sentence: () => 'hello',
    kind: 'request',
    label: () => 'hello',
    key: noKey,
  },
  welcome: {
    schema: closed({
      type: Type.Literal('welcome'),
      cluster: name,
      node: integer,
      instance: integer,
      members: Type.Array(closed({ id: integer, address, counted: Type.Boolean() })),
      commandBytes: integer,
      nonce,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: ({ node, cluster }, origin) => {
      if (node !== origin.sender) return `welcome: sender ${origin.sender} speaks for server ${node}`
      return cluster === origin.cluster ? null : 'welcome: it names another cluster than its envelope'
    },
    repetitionKey: noKey,
    batches: noBatches,
    sentence: () => 'welcome',
    kind: 'response',
    label: () => 'welcome',
    key: noKey,
  },
  inquire: {
    schema: closed({ type: Type.Literal('inquire'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    batches: noBatches,
    sentence: () => 'inquire',
    kind: 'request',
    label: () => 'inquire',
    key: noKey,
  },
  report: {
    schema: closed({ type: Type.Literal('report'), status: result, nonce }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: noKey,
    batches: noBatches,
    sentence: () => 'report',
    kind: 'response',
    label: () => 'report',
    key: noKey,
  },
} as const satisfies Entries<ClientMessage | ServerMessage>

function requestKey({ uid, seq }: { readonly uid: string; readonly seq: number }): string {
  return `${seq} ${uid}`
}
