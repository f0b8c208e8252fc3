/** The delays, guards and actions of the learner's chart. */
import { assign, enqueueActions, setup } from 'xstate'
import { sameBatch } from './batch.ts'
import {
  bytesOf,
  endsQuestion,
  isNextChunk,
  isOfFetch,
  isOffer,
  isTakenUp,
  isWhole,
  offered,
} from './fetching.ts'
import type { Heard, LearnerEvent } from './inbox.ts'
import type { LearnerContext, LearnerInput } from './learner-context.ts'
import {
  aimedAt,
  asked,
  type BatchChosen,
  type BehindNoticed,
  contradictionAmong,
  contradicts,
  haltAt,
  installing,
  isCountedSender,
  isLeaving,
  isSound,
  isTaken,
  lastKnownIn,
  learning,
  newsIn,
  nextPeer,
  pageOf,
  targetIn,
} from './learning.ts'
import { addressedTo, countedMembers, type Member, peersOf } from './members.ts'
import type { Chosen, Chunk, Compacted, Fetch, Learn } from './messages.ts'
import type { Output } from './outputs.ts'
import { isQuorum, withAnswer } from './quorum.ts'
import { withoutSample, withSample } from './round-trip.ts'
import { sameSnapshot } from './snapshot-name.ts'
import { hasNothingToTake, isCheaper } from './taking.ts'
import { retransmitInterval } from './timing.ts'
import { afterUnsettled } from './unsettled.ts'

/** The grace begins with the first news, so later news do not count. */
function heardAt({ firstUnchosen, target, heardAtMs }: LearnerContext, atMs: number | null): number {
  return firstUnchosen < target ? heardAtMs : (atMs ?? heardAtMs)
}

type ChoiceImplied = Extract<LearnerEvent, { type: 'choice.implied' }>
type ChosenRead = Extract<LearnerEvent, { type: 'chosen.read' }>
type ChunksRead = Extract<LearnerEvent, { type: 'chunks.read' }>
type ChunkKept = Extract<LearnerEvent, { type: 'chunk.kept' }>
type SnapshotChecked = Extract<LearnerEvent, { type: 'snapshot.checked' }>
type SnapshotResumed = Extract<LearnerEvent, { type: 'snapshot.resumed' }>
type SnapshotDrawn = Extract<LearnerEvent, { type: 'snapshot.drawn' }>
type SnapshotHeld = Extract<LearnerEvent, { type: 'snapshot.held' }>

export const learnerSetup = setup({
  types: {
    context: {} as LearnerContext,
    events: {} as LearnerEvent,
    emitted: {} as Output,
    input: {} as LearnerInput,
  },
  delays: {
    grace: ({ context }) => context.timing.graceMs,
    askInterval: ({ context: { timing, roundTrip, tries } }) =>
      retransmitInterval(timing, roundTrip, tries, 1),
    inquiryPatience: ({ context }) => context.timing.inquiryMs,
  },
  guards: {
    isBehind: ({ context }) => context.firstUnchosen < context.target,
    hasCaughtUp: ({ context }) => context.firstUnchosen >= context.target,
    /** True after enough tries without news. With many peers, not all have been asked, but the next time continues from here. */
    hasAskedEnough: ({ context }) => context.tries >= context.timing.patientTries,
    isUnsolicited: ({ context }, heard: Heard<Chosen>) => !isTaken(context, heard),
    contradictsHistory: ({ context }, event: Heard<Chosen> | BatchChosen) =>
      contradicts(context, pageOf(event)),
    isNextPage: ({ context }, heard: Heard<Chosen>) =>
      isSound(context, heard) && newsIn(context, heard).length > 0,
    /** The server that was asked in turn knows no more than this one. The informant showed that it does. */
    onlyInformantKnowsMore: ({ context }, { sender, firstUnchosen }: Heard<Chosen>) =>
      sender === context.peer &&
      firstUnchosen <= context.firstUnchosen &&
      context.informant !== null &&
      context.informant.id !== sender,
    isAnswer: ({ context }, heard: Heard<Chosen>) => isSound(context, heard),
    /** The batches that were asked for are deleted here. */
    isCompacted: (_, { batches }: ChosenRead) => batches === null,
    /** The server that asked has so much to execute up to the snapshot that it installs it sooner. */
    snapshotIsCheaper: ({ context }, read: ChosenRead) => isCheaper(context, read),
    /** Another snapshot has replaced the one that was asked for. */
    chunksAreGone: (_, { chunks }: ChunksRead) => chunks === null,
    isOffer: ({ context }, heard: Heard<Compacted>) => isOffer(context, heard),
    isTakenUp: ({ context }, heard: Heard<Compacted>) => isTakenUp(context, heard),
    isNextChunk: ({ context }, heard: Heard<Chunk>) => isNextChunk(context, heard),
    isForAnotherSnapshot: ({ context }, { snapshot }: SnapshotChecked | SnapshotResumed) =>
      !sameSnapshot(context.fetching?.snapshot ?? null, snapshot),
    /** Another snapshot was fetched meanwhile, and perhaps this one again from its beginning. */
    isOfAnotherFetch: ({ context: { fetching } }, { snapshot, endBytes }: ChunkKept) =>
      fetching === null ||
      !sameSnapshot(fetching.snapshot, snapshot) ||
      endBytes > fetching.receivedBytes ||
      endBytes <= fetching.keptBytes,
    /** Storage has said what it kept before a restart. */
    isResumed: ({ context: { fetching } }) => fetching !== null && fetching.resumedBytes !== null,
    hasKeptAll: ({ context: { fetching } }) => fetching !== null && isWhole(fetching),
    wasResumed: ({ context: { fetching } }) => (fetching?.resumedBytes ?? 0) > 0,
    completesQuestion: ({ context: { fetching } }) => fetching !== null && endsQuestion(fetching),
    isSound: (_, { isSound }: SnapshotChecked) => isSound,
    /** Chosen batches have arrived after all. */
    knowsTheSnapshot: ({ context: { fetching, firstUnchosen } }) =>
      fetching === null || fetching.snapshot.instance <= firstUnchosen,
    /** The server that sends the chunks is silent. */
    hasAskedThisPeerEnough: ({ context: { tries, timing } }) =>
      tries % timing.newsTries === timing.newsTries - 1,
    /** A snapshot is being taken or stored, or the last one holds the present state. */
    hasNothingToTake: ({ context }) => hasNothingToTake(context),
    /** It could not be drawn, or a later snapshot was installed meanwhile. */
    isOfNoUse: ({ context: { writing, snapshot } }, drawn: SnapshotDrawn) =>
      drawn.snapshot === null || drawn.snapshot.instance <= ((writing ?? snapshot)?.instance ?? -1),
    quorumHasAnswered: ({ context }) => isQuorum(countedMembers(context.members), context.answered),
  },
  actions: {
    adoptChosen: enqueueActions(({ context, enqueue }, event: Heard<Chosen> | BatchChosen) => {
      const { changes, outputs } = learning(context, pageOf(event), { tellsAcceptor: true })
      if (changes === null) return
      enqueue.assign(changes)
      for (const output of outputs) enqueue.emit(output)
    }),
    adoptImplied: enqueueActions(({ context, enqueue }, choice: ChoiceImplied) => {
      const { informant, heard, firstUnchosen, implied, atMs } = choice
      const page = { from: firstUnchosen - 1, batches: implied === null ? [] : [implied] }
      const { changes, outputs } = learning(context, page, { tellsAcceptor: false })
      enqueue.assign({
        ...changes,
        highestHeard: Math.max(context.highestHeard, heard),
        heardAtMs: heardAt(context, atMs),
        ...aimedAt(context, { firstUnchosen, informant }),
      })
      for (const output of outputs) enqueue.emit(output)
    }),
    recordTarget: assign(({ context }, event: Heard<Chosen> | Heard<Compacted> | BehindNoticed) => ({
      ...aimedAt(context, targetIn(event)),
      heardAtMs: heardAt(context, event.atMs),
    })),
    /** An unsolicited page is not learned, but a server that knows this one may then be asked for it. */
    recordHint: assign(({ context }, heard: Heard<Chosen>) =>
      heard.knowsUs || isCountedSender(context, heard)
        ? { ...aimedAt(context, targetIn(heard)), heardAtMs: heardAt(context, heard.atMs) }
        : {},
    ),
    /**
     * A single server may be faulty: it is flagged. When a quorum reports the same batch, this server holds a batch that was not
     * chosen.
     */
    recordContradiction: enqueueActions(({ context, enqueue }, heard: Heard<Chosen>) => {
      const reported = lastKnownIn(context, heard)
      if (reported === undefined) return
      enqueue.emit({ type: 'flag', oddity: 'chosen', sender: heard.sender })
      if (!isCountedSender(context, heard)) return
      const before = context.contradiction
      const others = before !== null && sameBatch(before.batch, reported) ? before.by : []
      const by = withAnswer(others, heard.sender)
      enqueue.assign({ contradiction: { batch: reported, by } })
      if (isQuorum(countedMembers(context.members), by)) enqueue.emit(haltAt(context))
    }),
    /** This node's own proposer counted a quorum for another batch than the one known here. */
    halt: enqueueActions(({ context, enqueue }) => {
      enqueue.emit(haltAt(context))
    }),
    /** Asks the answering server for the next page if it knows more. */
    adoptPeer: assign(({ context }, { sender, firstUnchosen }: Heard<Chosen>) =>
      firstUnchosen > context.firstUnchosen ? { peer: sender } : {},
    ),
    adoptInformant: assign(({ context }) => ({ peer: context.informant?.id ?? context.peer })),
    forgetAsked: assign({ asked: [] }),
    /** No reachable server knows the target. A later message may show it again, and an inquiry also asks the informant. */
    forgetTarget: assign(({ context }) => ({ target: context.firstUnchosen, tries: 0 })),
    /**
     * Asks for the next page before the present one is executed, so that it arrives meanwhile. One page is on its way at a time: a
     * receiver that falls behind asks for no more than it executes.
     */
    sendLearnAhead: enqueueActions(({ context, enqueue }, heard: Heard<Chosen>) => {
      const from = context.firstUnchosen + newsIn(context, heard).length
      if (from >= Math.min(heard.firstUnchosen, context.target)) return
      enqueue.assign({ askedAhead: from })
      enqueue.emit({ type: 'send', ...asked(context, heard.sender), message: { type: 'learn', from } })
    }),
    sendLearn: enqueueActions(({ context, enqueue }) => {
      const isAsked = context.askedAhead === context.firstUnchosen
      if (context.askedAhead !== null) enqueue.assign({ askedAhead: null })
      if (isAsked || context.peer === context.self || context.firstUnchosen >= context.target) return
      enqueue.assign({ asked: withAnswer(context.asked, context.peer) })
      enqueue.emit({
        type: 'send',
        ...asked(context, context.peer),
        message: { type: 'learn', from: context.firstUnchosen },
      })
    }),
    adoptNextPeer: assign(({ context }) => ({
      peer: nextPeer(context),
      tries: context.tries + 1,
      askedAtMs: null,
    })),
    recordAskTime: assign((_, { atMs }: Heard<Chosen> | BehindNoticed) => ({ askedAtMs: atMs })),
    /** The grace has just ended, which began when the news arrived. */
    recordAskTimeAfterGrace: assign(({ context }) => ({
      askedAtMs: context.heardAtMs + context.timing.graceMs,
    })),
    recordRoundTrip: assign(({ context }, { sender, atMs }: Heard<Chosen>) => {
      const { roundTrip, askedAtMs, peer, tries, timing } = context
      if (tries > 0) return { roundTrip: withoutSample(roundTrip, timing.retransmitMs) }
      if (askedAtMs === null || sender !== peer) return {}
      return { roundTrip: withSample(roundTrip, atMs - askedAtMs) }
    }),
    readChosen: enqueueActions(({ enqueue }, { from, sender, incarnation }: Heard<Learn>) => {
      enqueue.emit({ type: 'read', from, to: sender, incarnation })
    }),
    sendChosen: enqueueActions(({ context, enqueue }, { to, incarnation, from, batches }: ChosenRead) => {
      if (batches === null) return
      enqueue.emit({
        type: 'send',
        ...addressedTo(context.members, to, incarnation),
        message: {
          type: 'chosen',
          from,
          batches,
          firstUnchosen: context.firstUnchosen,
          unsettled: context.highestHeard >= context.firstUnchosen,
        },
      })
    }),
    sendCompacted: enqueueActions(({ context, enqueue }, { to, incarnation }: ChosenRead | ChunksRead) => {
      const { snapshot, firstUnchosen, members } = context
      // Storage is about to hold the snapshot that allowed it to delete the batches.
      if (snapshot === null) return
      const message = { type: 'compacted', snapshot, firstUnchosen } as const
      enqueue.emit({ type: 'send', ...addressedTo(members, to, incarnation), message })
    }),
    readChunks: enqueueActions(
      ({ enqueue }, { snapshot, offsetBytes, sender, incarnation }: Heard<Fetch>) => {
        enqueue.emit({ type: 'readChunks', snapshot, offsetBytes, to: sender, incarnation })
      },
    ),
    sendChunks: enqueueActions(
      ({ context, enqueue }, { to, incarnation, snapshot, offsetBytes, chunks }: ChunksRead) => {
        let atBytes = offsetBytes
        for (const bytes of chunks ?? []) {
          const message = { type: 'chunk', snapshot, offsetBytes: atBytes, bytes } as const
          enqueue.emit({ type: 'send', ...addressedTo(context.members, to, incarnation), message })
          atBytes += bytesOf(bytes)
        }
      },
    ),
    adoptOffer: enqueueActions(({ context, enqueue }, heard: Heard<Compacted>) => {
      enqueue.assign({ peer: heard.sender })
      if (isOfFetch(context.fetching, heard)) return
      const { snapshot } = heard
      enqueue.assign({ fetching: offered(snapshot) })
      enqueue.emit({ type: 'resumeSnapshot', snapshot })
    }),
    recordResumed: assign(({ context: { fetching } }, { keptBytes }: SnapshotResumed) =>
      fetching === null
        ? {}
        : { fetching: { ...fetching, resumedBytes: keptBytes, receivedBytes: keptBytes, keptBytes } },
    ),
    /** Storage has dropped all that it kept. */
    beginAgain: enqueueActions(({ context, enqueue }) => {
      if (context.fetching === null) return
      const { snapshot } = context.fetching
      enqueue.assign({ fetching: offered(snapshot) })
      enqueue.emit({ type: 'resumeSnapshot', snapshot })
    }),
    /** What has arrived is kept, sooner or later. The rest is asked for, again if it was lost. */
    sendFetch: enqueueActions(({ context, enqueue }) => {
      const { fetching, peer } = context
      if (fetching === null || peer === context.self) return
      const { snapshot, receivedBytes } = fetching
      enqueue.assign({ fetching: { ...fetching, keptChunks: 0 } })
      if (receivedBytes === snapshot.lengthBytes) return
      const message = { type: 'fetch', snapshot, offsetBytes: receivedBytes } as const
      enqueue.emit({ type: 'send', ...asked(context, peer), message })
    }),
    recordTry: assign(({ context }) => ({ tries: context.tries + 1, askedAtMs: null })),
    keepChunk: enqueueActions(({ context, enqueue }, { snapshot, offsetBytes, bytes }: Heard<Chunk>) => {
      if (context.fetching === null) return
      const receivedBytes = offsetBytes + bytesOf(bytes)
      enqueue.assign({ tries: 0, fetching: { ...context.fetching, receivedBytes } })
      enqueue.emit({ type: 'keepChunk', snapshot, offsetBytes, bytes })
    }),
    recordKept: assign(({ context: { fetching } }, { endBytes }: ChunkKept) =>
      fetching === null
        ? {}
        : { fetching: { ...fetching, keptBytes: endBytes, keptChunks: fetching.keptChunks + 1 } },
    ),
    checkSnapshot: enqueueActions(({ context, enqueue }) => {
      if (context.fetching === null) return
      enqueue.emit({ type: 'checkSnapshot', snapshot: context.fetching.snapshot })
    }),
    adoptSnapshot: enqueueActions(({ context, enqueue }, { snapshot }: SnapshotChecked) => {
      const { changes, outputs } = installing(context, snapshot)
      enqueue.assign(changes)
      for (const output of outputs) enqueue.emit(output)
    }),
    flagSnapshot: enqueueActions(({ context, enqueue }) => {
      enqueue.emit({ type: 'flag', oddity: 'snapshot', sender: context.peer })
    }),
    forgetFetching: assign({ fetching: null }),
    /** The snapshot before stays for servers that fetch it, and so do the batches above it, for servers that are a little late. */
    persistSnapshot: enqueueActions(({ context, enqueue }, { snapshot }: SnapshotDrawn) => {
      if (snapshot === null) return
      const floor = context.snapshot?.instance ?? 0
      enqueue.assign({ isDrawing: false, writing: snapshot })
      enqueue.emit({ type: 'persist', write: { by: 'snapshot', snapshot, floor } })
    }),
    forgetDrawing: assign({ isDrawing: false }),
    recordDrawing: enqueueActions(({ enqueue }) => {
      enqueue.assign({ isDrawing: true, requestsSince: 0 })
      enqueue.emit({ type: 'takeSnapshot' })
    }),
    recordHeld: assign(({ context: { writing } }, { snapshot }: SnapshotHeld) => ({
      snapshot,
      writing: sameSnapshot(writing, snapshot) ? null : writing,
    })),
    broadcastLearn: enqueueActions(({ context, enqueue }) => {
      const { informant } = context
      const others = peersOf(context.members, context.self)
      const peers = informant === null ? others : withAnswer(others, informant.id)
      enqueue.assign({
        asked: peers,
        answered: [context.self],
        answeredAtMs: null,
        unsettled: context.highestHeard >= context.firstUnchosen,
      })
      for (const to of peers) {
        const message = { type: 'learn' as const, from: context.firstUnchosen }
        enqueue.emit({ type: 'send', ...asked(context, to), message })
      }
    }),
    recordAnswer: assign(({ context }, heard: Heard<Chosen>) =>
      isCountedSender(context, heard)
        ? {
            answered: withAnswer(context.answered, heard.sender),
            answeredAtMs: heard.atMs,
            unsettled: context.unsettled || heard.unsettled,
          }
        : {},
    ),
    /**
     * An accepted batch that is not known to be chosen may belong to an active proposer, so the first inquiry only remembers it.
     * If inquiries still find it when a leader would be given up, its proposer is gone, and this node's proposer settles it.
     */
    notifyIfAbandoned: enqueueActions(({ context, enqueue }) => {
      const { isGone, next } = context.unsettled ? afterUnsettled(context) : { isGone: false, next: null }
      enqueue.assign({ unsettledSince: next })
      if (isGone) enqueue.emit({ type: 'tell', role: 'proposer', event: { type: 'settle.wanted' } })
    }),
    notifyNewsChecked: enqueueActions(({ enqueue }) => {
      enqueue.emit({ type: 'tell', role: 'requestQueue', event: { type: 'news.checked' } })
    }),
    recordMembers: assign(({ context }, { members }: { members: readonly Member[] }) => ({
      members,
      contradiction: contradictionAmong(context, members),
      informant: isLeaving(context, members) ? null : context.informant,
      answered: context.answered.filter((id) => id === context.self || countedMembers(members).includes(id)),
    })),
  },
})
