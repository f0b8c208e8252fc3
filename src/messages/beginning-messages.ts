/** The messages that a server sends and receives before it takes part in a cluster: to found one, or to join one. */
import { Type } from '@sinclair/typebox'
import type { BeginningMessage } from '../../machines/messages.ts'
import { contradictionInFounder, unlessBetweenServers, unlessFromServer } from './contradictions.ts'
import { type Entries, noBatches, noKey } from './entry.ts'
import { maxFounders } from './limits.ts'
import { closed, foundingPlan, integer, member, name } from './part-schemas.ts'

export const beginningMessages = {
  join: {
    schema: closed({ type: Type.Literal('join') }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessBetweenServers,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'join',
    kind: 'request',
    label: () => 'join',
    key: noKey,
  },
  invitation: {
    schema: closed({
      type: Type.Literal('invitation'),
      to: name,
      incarnation: name,
      founders: Type.Array(member),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: unlessFromServer,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ to, founders }) => `invitation to ${to}: founders ${idsOf(founders)}`,
    kind: 'response',
    label: () => 'invitation',
    key: ({ to }) => to,
  },
  notInvited: {
    schema: closed({
      type: Type.Literal('notInvited'),
      to: name,
      missing: Type.Union([Type.Literal('member'), Type.Literal('incarnation')]),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: unlessFromServer,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ to, missing }) => `notInvited to ${to}: ${missing} missing`,
    kind: 'response',
    label: () => 'notInvited',
    key: ({ to, missing }) => `${to} ${missing}`,
  },
  found: {
    schema: closed({ type: Type.Literal('found'), ...foundingPlan, incarnation: name }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: ({ members }, { sender }) =>
      members.some(({ id }) => id === sender)
        ? null
        : `found: sender ${sender} is not among the members that it names`,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ members, incarnation }) => `found members ${idsOf(members)}, incarnation ${incarnation}`,
    kind: 'request',
    label: () => 'found',
    key: ({ incarnation }) => incarnation,
  },
  founder: {
    schema: closed({
      type: Type.Literal('founder'),
      to: name,
      incarnation: name,
      founders: Type.Union([
        Type.Array(closed({ id: integer, incarnation: name }), { maxItems: maxFounders }),
        Type.Null(),
      ]),
      isFounded: Type.Boolean(),
    }),
    fitsAnyCluster: false,
    // It goes to an address of the founders' plan, independent of the source of the question. It is about as long as the
    // question, which names the same members.
    isAnswer: false,
    contradiction: contradictionInFounder,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ to, incarnation, founders, isFounded }) =>
      `founder to ${to}: incarnation ${incarnation}, founders ${founders === null ? 'unknown' : idsOf(founders)}${isFounded ? ', founded' : ''}`,
    kind: 'response',
    label: () => 'founder',
    key: ({ to, incarnation, isFounded }) => `${to} ${incarnation} ${isFounded}`,
  },
  notFounder: {
    schema: closed({
      type: Type.Literal('notFounder'),
      to: name,
      ...foundingPlan,
      isFounded: Type.Boolean(),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: unlessFromServer,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ to, members, isFounded }) =>
      `notFounder to ${to}: members ${idsOf(members)}${isFounded ? ', founded' : ''}`,
    kind: 'response',
    label: () => 'notFounder',
    key: ({ to, isFounded }) => `${to} ${isFounded}`,
  },
} as const satisfies Entries<BeginningMessage>

function idsOf(servers: readonly { readonly id: number }[]): string {
  return servers.map(({ id }) => id).join(' ')
}
