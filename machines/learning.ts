/** How a learner handles chosen batches, and which server it asks. */
import { type Batch, type Instance, type NodeId, sameBatch } from './batch.ts'
import type { Heard, Informant, LearnerEvent } from './inbox.ts'
import { informantOf } from './informant.ts'
import type { LearnerContext } from './learner-context.ts'
import { instanceStep } from './limits.ts'
import { addressedTo, countedMembers, isCounted, type Member, peersOf } from './members.ts'
import type { Chosen, Chunk, Compacted } from './messages.ts'
import type { Output } from './outputs.ts'
import type { SnapshotName } from './snapshot-name.ts'
import { isSnapshotDue, requestsIn } from './taking.ts'

export type BatchChosen = Extract<LearnerEvent, { type: 'batch.chosen' }>
/** The answers to the questions of a learner. */
type Answer = Heard<Chosen> | Heard<Compacted> | Heard<Chunk>

export type BehindNoticed = Extract<LearnerEvent, { type: 'behind.noticed' }>

/** `informant` knows everything below `firstUnchosen`. */
interface Target {
  readonly firstUnchosen: Instance
  readonly informant: Informant
}

/** Chosen batches, from the instance `from` on. */
export interface Page {
  readonly from: Instance
  readonly batches: readonly Batch[]
}

/** The batches in a `chosen`, or the one that this node's proposer had chosen. */
export function pageOf(event: Heard<Chosen> | BatchChosen): Page {
  return event.type === 'chosen' ? event : { from: event.instance, batches: [event.batch] }
}

/** The batches of the page that are unknown here and can be executed next: no gap, no repetition. */
export function newsIn({ firstUnchosen }: LearnerContext, { from, batches }: Page): readonly Batch[] {
  return from > firstUnchosen ? [] : batches.slice(firstUnchosen - from)
}

/** The batch of the page at the last instance that is known here. */
export function lastKnownIn({ firstUnchosen }: LearnerContext, { from, batches }: Page): Batch | undefined {
  return batches[firstUnchosen - 1 - from]
}

/** True when the page contains another batch than the one that was learned here last. */
export function contradicts(context: LearnerContext, page: Page): boolean {
  const shown = lastKnownIn(context, page)
  return shown !== undefined && context.lastChosen !== null && !sameBatch(shown, context.lastChosen)
}

/**
 * The changes of the context and the outputs after a page; `null` and none when all of it is known. `tellsAcceptor` is false when the
 * acceptor has concluded the choice itself.
 */
export function learning(
  context: LearnerContext,
  page: Page,
  { tellsAcceptor }: { readonly tellsAcceptor: boolean },
): { readonly changes: Partial<LearnerContext> | null; readonly outputs: readonly Output[] } {
  const news = newsIn(context, page)
  const lastChosen = news.at(-1)
  if (lastChosen === undefined) return { changes: null, outputs: [] }
  const chosen = news.map((batch, offset) => ({ instance: context.firstUnchosen + offset, batch }))
  const firstUnchosen = context.firstUnchosen + news.length
  const advanced: Output = {
    type: 'tell',
    role: 'acceptor',
    event: { type: 'firstUnchosen.advanced', firstUnchosen },
  }
  const requestsSince = context.requestsSince + requestsIn(news)
  const isDue = isSnapshotDue({ ...context, requestsSince })
  return {
    changes: {
      ...{ firstUnchosen, lastChosen, contradiction: null, tries: 0 },
      requestsSince: isDue ? 0 : requestsSince,
      isDrawing: context.isDrawing || isDue,
    },
    outputs: [
      { type: 'persist', write: { by: 'learner', chosen } },
      ...(tellsAcceptor ? [advanced] : []),
      ...chosen.map(({ instance, batch }): Output => ({ type: 'execute', instance, batch })),
      ...(isDue ? [{ type: 'takeSnapshot' } as const] : []),
    ],
  }
}

/** The changes of the context and the outputs after the snapshot replaced everything below its instance. */
export function installing(
  context: LearnerContext,
  snapshot: SnapshotName,
): { readonly changes: Partial<LearnerContext>; readonly outputs: readonly Output[] } {
  const { instance } = snapshot
  return {
    changes: {
      ...{ firstUnchosen: instance, lastChosen: null, contradiction: null, tries: 0 },
      ...{ writing: snapshot, fetching: null, requestsSince: 0 },
      target: Math.max(context.target, instance),
    },
    outputs: [
      { type: 'persist', write: { by: 'snapshot', snapshot, floor: instance } },
      {
        type: 'tell',
        role: 'acceptor',
        event: { type: 'firstUnchosen.advanced', firstUnchosen: instance },
      },
      { type: 'installSnapshot', snapshot },
    ],
  }
}

/**
 * The target and the informant. The learner turns only to a server that shows at least the highest known target. Otherwise it
 * would ask the most frequent sender again and again, although that may know nothing. A server that shows the same target is
 * remembered, because earlier informants may be gone.
 */
export function aimedAt(
  context: LearnerContext,
  { firstUnchosen, informant }: Target,
): Partial<LearnerContext> {
  const isNews = firstUnchosen > context.firstUnchosen && firstUnchosen >= context.target
  if (!isNews || firstUnchosen > context.firstUnchosen + instanceStep) return {}
  if (firstUnchosen === context.target) return { informant }
  return { target: firstUnchosen, peer: informant.id, informant, tries: 0 }
}

/**
 * The next server to ask: the informant if it was not asked, otherwise the one after `peer` among the other members and the
 * informant, in turn.
 */
export function nextPeer(context: LearnerContext): NodeId {
  const { members, self, informant, asked } = context
  if (informant !== null && !asked.includes(informant.id)) return informant.id
  const others = peersOf(members, self)
  const peers = informant === null || others.includes(informant.id) ? others : [...others, informant.id]
  return peers[(peers.indexOf(context.peer) + 1) % peers.length] ?? context.peer
}

/** True when the informant is removed. The members that replaced it are asked instead. */
export function isLeaving(
  { members: before, informant }: LearnerContext,
  members: readonly Member[],
): boolean {
  const isIn = (some: readonly Member[]) => some.some(({ id }) => id === informant?.id)
  return isIn(before) && !isIn(members)
}

/** The contradiction, limited to servers that are counted after a change of members; `null` for none. */
export function contradictionAmong(
  { contradiction }: LearnerContext,
  members: readonly Member[],
): LearnerContext['contradiction'] {
  const counted = countedMembers(members)
  const by = contradiction?.by.filter((id) => counted.includes(id)) ?? []
  return contradiction === null || by.length === 0 ? null : { ...contradiction, by }
}

/** True when the sender has the expected directory: that of the member, or of the informant. */
function isItself({ members, informant }: LearnerContext, { sender, incarnation }: Answer): boolean {
  return [informant, ...members].some((server) => server?.id === sender && server.incarnation === incarnation)
}

/** The destination for a question to server `id`: the informant with its directory, any other as a member. */
export function asked({ informant, members }: LearnerContext, id: NodeId) {
  return informant?.id === id ? addressedTo(members, id, informant.incarnation) : { to: id }
}

export function isCountedSender(
  { members }: LearnerContext,
  { sender, incarnation }: Heard<Chosen>,
): boolean {
  return isCounted(members, sender, incarnation)
}

/** True when the answer was asked for. */
export function isTaken(context: LearnerContext, heard: Answer): boolean {
  return context.asked.includes(heard.sender) && isItself(context, heard)
}

/** True when the page may be learned: it is accepted, and does not contradict the known batches. */
export function isSound(context: LearnerContext, heard: Heard<Chosen>): boolean {
  return isTaken(context, heard) && !contradicts(context, heard)
}

/** The target of an event, and its informant. */
export function targetIn(event: Heard<Chosen> | Heard<Compacted> | BehindNoticed): Target {
  const { firstUnchosen } = event
  return { firstUnchosen, informant: event.type === 'behind.noticed' ? event.informant : informantOf(event) }
}

export function haltAt({ firstUnchosen }: LearnerContext): Output {
  const instance = firstUnchosen - 1
  return {
    type: 'halt',
    reason:
      `a quorum chose another batch at instance ${instance} than the one that this server executed: its state does not belong ` +
      'to this cluster. Remove it from the members, and let it join again with an empty directory',
  }
}
