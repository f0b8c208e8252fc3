import type { AnyMachineSnapshot } from 'xstate'
import { chunksAtOnce } from '../../../machines/fetching.ts'
import type { Heard, LearnerEvent } from '../../../machines/inbox.ts'
import { type LearnerContext, learnerMachine } from '../../../machines/learner.ts'
import { foundingIncarnation } from '../../../machines/members.ts'
import type { Chosen } from '../../../machines/messages.ts'
import type { SnapshotName } from '../../../machines/snapshot-name.ts'
import { defaultTiming } from '../../../machines/timing.ts'
import { batch, informant, members, sentBy } from '../../support/role.ts'
import { chosenAt, instancesAround, memberships } from './around.ts'
import type { Chart } from './chart.ts'

/** When the pages of a server arrive. Those of the second come later than a leader may be silent. */
const arrivals = [0, 10_000] as const

/** Pages that begin earlier, here and later, with nothing to two batches, of somebody who knows that or more. */
function pages({ firstUnchosen }: LearnerContext): Heard<Chosen>[] {
  return arrivals.flatMap((atMs, before) =>
    instancesAround(firstUnchosen).flatMap((from) =>
      [0, 1, 2].flatMap((count) =>
        [0, 1].flatMap((more) =>
          [false, true].map((unsettled) => {
            const batches = Array.from({ length: count }, (_, place) => chosenAt(from + place))
            return {
              type: 'chosen',
              from,
              batches,
              firstUnchosen: from + count + more,
              unsettled,
              ...sentBy(before + 1),
              atMs,
            } as const
          }),
        ),
      ),
    ),
  )
}

/** Other batches than those that are known. */
const contradicting = { batches: [batch('another'), batch('another')] }

/** Snapshots of two instances, one of them longer than the chunks of one question. */
function snapshots({ firstUnchosen }: LearnerContext): SnapshotName[] {
  return [
    { instance: firstUnchosen + 2, lengthBytes: 6, digest: 'a'.repeat(64) },
    { instance: firstUnchosen + 2, lengthBytes: 3 * chunksAtOnce + 3, digest: 'b'.repeat(64) },
    { instance: firstUnchosen, lengthBytes: 6, digest: 'c'.repeat(64) },
  ]
}

/** A page that ends below the snapshot, by more requests than the snapshot costs. */
function farBelow(snapshot: SnapshotName | null) {
  const from = (snapshot?.instance ?? 0) - 2
  return from < 0 ? [] : [{ from, batches: [chosenAt(from)] }]
}

/** What concerns snapshots: offers, questions and answers, and the answers of storage. */
function aboutSnapshots(context: LearnerContext): LearnerEvent[] {
  const { fetching, firstUnchosen } = context
  const peer = { to: 1, incarnation: foundingIncarnation(1) }
  const known = snapshots(context)
  const fetched = fetching?.snapshot
  const ends = fetching === null ? [3] : [3, fetching.keptBytes + 3, fetching.snapshot.lengthBytes]
  return [
    ...known.flatMap((snapshot) =>
      [1, 2].map(
        (sender) =>
          ({
            type: 'compacted',
            snapshot,
            firstUnchosen: snapshot.instance + 2 - sender,
            ...sentBy(sender),
          }) as const,
      ),
    ),
    ...known.map((snapshot) => ({ type: 'fetch', snapshot, offsetBytes: 0, ...sentBy(1) }) as const),
    { type: 'chosen.read', ...peer, from: 0, batches: null },
    ...farBelow(context.snapshot).map((page) => ({ type: 'chosen.read', ...peer, ...page }) as const),
    ...known.flatMap((snapshot) =>
      [null, ['AAAA', 'AAA=']].map(
        (chunks) => ({ type: 'chunks.read', ...peer, snapshot, offsetBytes: 0, chunks }) as const,
      ),
    ),
    ...[...known, ...(fetched === undefined ? [] : [fetched])].flatMap((snapshot) => [
      ...[0, 3, fetching?.receivedBytes ?? 0].map(
        (offsetBytes) => ({ type: 'chunk', snapshot, offsetBytes, bytes: 'AAAA', ...sentBy(1) }) as const,
      ),
      ...ends
        .filter((endBytes) => endBytes <= snapshot.lengthBytes)
        .map((endBytes) => ({ type: 'chunk.kept', snapshot, endBytes }) as const),
      ...[true, false].map((isSound) => ({ type: 'snapshot.checked', snapshot, isSound }) as const),
    ]),
    ...answersToResume(context),
    {
      type: 'snapshot.drawn',
      snapshot: { instance: firstUnchosen, lengthBytes: 6, digest: 'd'.repeat(64) },
    },
    { type: 'snapshot.wanted' },
    { type: 'snapshot.drawn', snapshot: null },
    ...(context.writing === null ? [] : [{ type: 'snapshot.held', snapshot: context.writing } as const]),
  ]
}

/** Storage answers once, with nothing, a part or the whole; and once more, about a snapshot that is not fetched any more. */
function answersToResume(context: LearnerContext): LearnerEvent[] {
  const { fetching } = context
  const other = snapshots(context).find(({ digest }) => digest !== fetching?.snapshot.digest)
  const late =
    other === undefined ? [] : [{ type: 'snapshot.resumed', snapshot: other, keptBytes: 3 } as const]
  if (fetching === null || fetching.resumedBytes !== null) return late
  const { snapshot } = fetching
  const counts = [0, 3, snapshot.lengthBytes]
  return [...late, ...counts.map((keptBytes) => ({ type: 'snapshot.resumed', snapshot, keptBytes }) as const)]
}

/** What may happen while a snapshot is fetched: all that concerns it, and some of the rest, which is handled as in every state. */
function happeningsWhileInstalling(context: LearnerContext): LearnerEvent[] {
  const { firstUnchosen } = context
  return [
    ...aboutSnapshots(context),
    ...[1, 2].map((ahead) => {
      const batches = Array.from({ length: ahead }, (_, place) => chosenAt(firstUnchosen + place))
      const page = { from: firstUnchosen, batches, firstUnchosen: firstUnchosen + ahead, unsettled: false }
      return { type: 'chosen', ...page, ...sentBy(1), atMs: 0 } as const
    }),
    { type: 'behind.noticed', firstUnchosen: firstUnchosen + 2, informant: informant(2), atMs: 0 },
    { type: 'news.wanted' },
  ]
}

/** What concerns snapshots while none is fetched. */
function aboutSnapshotsElsewhere(context: LearnerContext): LearnerEvent[] {
  const [snapshot] = snapshots(context)
  const isAbout = ({ type }: LearnerEvent) =>
    type !== 'chunk' && type !== 'chunk.kept' && type !== 'snapshot.checked'
  return [
    ...aboutSnapshots(context).filter(isAbout),
    ...(snapshot === undefined
      ? []
      : [
          { type: 'chunk', snapshot, offsetBytes: 0, bytes: 'AAAA', ...sentBy(1) } as const,
          {
            type: 'chunk.kept',
            snapshot: context.fetching?.snapshot ?? snapshot,
            endBytes: (context.fetching?.keptBytes ?? 0) + 3,
          } as const,
          { type: 'snapshot.checked', snapshot, isSound: true } as const,
        ]),
  ]
}

function happenings(context: LearnerContext): LearnerEvent[] {
  const instances = instancesAround(context.firstUnchosen)
  return [
    ...instances.map((from) => ({ type: 'learn', from, ...sentBy(1) }) as const),
    ...instances.map(
      (from) =>
        ({
          type: 'chosen.read',
          to: 1,
          incarnation: foundingIncarnation(1),
          from,
          batches: [chosenAt(from)],
        }) as const,
    ),
    ...aboutSnapshotsElsewhere(context),
    ...pages(context),
    ...pages(context).map((page) => ({ ...page, ...sentBy(1, 'another') })),
    ...pages(context).map((page) => ({ ...page, ...contradicting })),
    ...instances.map((instance) => ({ type: 'batch.chosen', instance, batch: chosenAt(instance) }) as const),
    ...instances.map((instance) => ({ type: 'batch.chosen', instance, batch: batch('another') }) as const),
    ...instances.flatMap((instance) =>
      [null, chosenAt(instance - 1)].map(
        (implied) =>
          ({
            type: 'choice.implied',
            informant: informant(1),
            heard: instance,
            firstUnchosen: instance,
            implied,
            atMs: 0,
          }) as const,
      ),
    ),
    ...instances.map(
      (firstUnchosen) =>
        ({ type: 'behind.noticed', firstUnchosen, informant: informant(2), atMs: 0 }) as const,
    ),
    { type: 'news.wanted' },
    ...memberships.map((members) => ({ type: 'members.changed', members }) as const),
  ]
}

function isInstalling(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'installingSnapshot' in value
}

/** What is handled in other states, too, tells nothing apart while a snapshot is fetched. */
function fetchOf({ fetching, tries }: LearnerContext): unknown {
  const { snapshot, resumedBytes = null, receivedBytes = 0, keptBytes = 0, keptChunks = 0 } = fetching ?? {}
  return {
    digest: snapshot?.digest,
    resumed: resumedBytes === null ? 'none' : resumedBytes > 0,
    hasArrived: receivedBytes === snapshot?.lengthBytes,
    isKept: receivedBytes === keptBytes,
    keptChunks: Math.min(keptChunks, chunksAtOnce),
    tries: Math.min(tries, 2),
  }
}

function situation({ value, context }: AnyMachineSnapshot): unknown {
  const learner = context as LearnerContext
  if (isInstalling(value)) return [value, fetchOf(learner)]
  const { firstUnchosen, highestHeard, target, answered, unsettled, unsettledSince, fetching } = learner
  return {
    missing: Math.min(2, Math.max(0, target - firstUnchosen)),
    hasHeardMore: highestHeard >= firstUnchosen,
    inquiry: value === 'inquiring' && [answered.length, unsettled],
    wasUnsettledHere: unsettledSince?.instance === firstUnchosen,
    knowsTheLast: learner.lastChosen !== null,
    isContradicted: learner.contradiction?.by.length ?? 0,
    hasCheapSnapshot: value === 'following' && (learner.snapshot?.instance ?? 0) > 1,
    isWriting: value === 'following' && learner.writing !== null,
    asked: value === 'catchingUp' && [learner.asked.length, Math.min(learner.tries, 3)],
    isKeeping: value === 'catchingUp' && fetching !== null && fetching.keptBytes < fetching.receivedBytes,
  }
}

/** The learner of server 0 of three, and all that may happen to it. */
export const learnerChart: Chart = {
  name: 'learner',
  machine: learnerMachine,
  input: {
    self: 0,
    members: members(3),
    timing: { ...defaultTiming, patientTries: 2, newsTries: 2 },
    limits: { snapshotEvery: 3 },
    snapshot: null,
    requestsSince: 0,
    firstUnchosen: 1,
    highestHeard: 0,
  },
  happenings: ({ value, context }) =>
    isInstalling(value) ? happeningsWhileInstalling(context) : happenings(context),
  situation,
}
