/** The messages that servers send to clients. */
import { Type } from '@sinclair/typebox'
import type { ServerMessage } from '../../machines/messages.ts'
import { requestName } from '../core/names.ts'
import { noContradiction } from './contradictions.ts'
import { type Entries, noBatches, noKey, requestKey } from './entry.ts'
import { address, closed, integer, name, nonce, outcome, result } from './part-schemas.ts'
import { outcomeText } from './part-texts.ts'

export const serverMessages = {
  response: {
    schema: closed({ type: Type.Literal('response'), uid: name, seq: integer, outcome }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: requestKey,
    ...noBatches,
    sentence: (message) => `response ${requestName(message)}: ${outcomeText(message.outcome)}`,
    kind: 'response',
    label: (message) => `response ${requestName(message)}`,
    key: (message) => `${message.outcome.kind} ${requestKey(message)}`,
  },
  queued: {
    schema: closed({ type: Type.Literal('queued'), uid: name, seq: integer }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: requestKey,
    ...noBatches,
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
    ...noBatches,
    sentence: (message) => `busy ${requestName(message)}: ${message.reason}`,
    kind: 'response',
    label: (message) => `busy ${requestName(message)}`,
    key: requestKey,
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
      if (node !== origin.sender) return `welcome: sender ${origin.sender} gives its id as ${node}`
      return cluster === origin.cluster ? null : 'welcome: it names another cluster than its envelope'
    },
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'welcome',
    kind: 'response',
    label: () => 'welcome',
    key: noKey,
  },
  report: {
    schema: closed({ type: Type.Literal('report'), status: result, nonce }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'report',
    kind: 'response',
    label: () => 'report',
    key: noKey,
  },
} as const satisfies Entries<ServerMessage>
