/**
 * The canonical form of a role's context: only the parts that can influence later events. The checker puts every snapshot into this
 * form, so that schedules without a relevant difference reach one state. Each rule states why the same events can follow.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { AcceptorContext } from '../../machines/acceptor.ts'
import { requestsIn } from '../../machines/held-groups.ts'
import { withAllChanged } from '../../machines/held-requests.ts'
import type { Informant, RoleName } from '../../machines/inbox.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import type { Member } from '../../machines/members.ts'
import type { GivenPromise } from '../../machines/promises.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { ReaderContext } from '../../machines/reader.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import type { TimekeeperContext } from '../../machines/timekeeper.ts'
import type { Timing } from '../../machines/timing.ts'

/**
 * The context of a role in `snapshot`, without the parts that may grow without bound. It omits the durations of waits, because an armed
 * timer may fire at any time, and `hasYielded`, which only makes a wait longer. Messages that an acceptor would send twice are kept once,
 * because any datagram may arrive twice.
 */
export function finiteForm(role: RoleName, snapshot: AnyMachineSnapshot): object {
  const { context } = snapshot
  switch (role) {
    case 'acceptor': {
      const { saying, later }: AcceptorContext = context
      return { ...context, saying: distinct(saying), later: distinct(later) }
    }
    case 'proposer':
      return {
        ...context,
        randomSeed: 0,
        spread: 1,
        roundTrip: null,
        offeredAtMs: null,
        tries: patience(snapshot, context),
        backoffs: 0,
        backoffMs: 0,
        hasYielded: false,
      }
    case 'learner': {
      const { unsettledSince }: LearnerContext = context
      return {
        ...context,
        tries: patience(snapshot, context),
        heardAtMs: 0,
        askedAtMs: null,
        roundTrip: null,
        unsettledSince: unsettledSince && { ...unsettledSince, givenUp: 0 },
      }
    }
    case 'requestQueue':
      return finiteQueue(context)
    case 'timekeeper': {
      const { dueInMs }: TimekeeperContext = context
      return { ...context, dueInMs: dueInMs === null ? null : Math.min(dueInMs, 1) }
    }
    // In a search nobody compares, so it changes only with the members.
    case 'auditor':
      return context
    case 'reader': {
      // Any timer may fire at any time, and a server that did not answer may be asked again at any time.
      const { answers }: ReaderContext = context
      return {
        ...context,
        ...{ randomSeed: 0, spread: 1, roundTrip: null, askedAtMs: null, tries: 0 },
        answers: answers.toSorted((a, b) => a.node - b.node),
      }
    }
  }
  role satisfies never
}

/**
 * Of the rounds of handing over only the order matters: a request that was sent before the current round is sent again. The measured
 * times, the arrival times and the number of leaders that were given up decide nothing but the durations of waits.
 */
function finiteQueue(context: RequestQueueContext): RequestQueueContext {
  const { held, round } = context
  const next = { ...context, round: 1, givenUp: 0, slowestMs: 0, roundTrip: null }
  if (held.handedOver.length === 0) return next
  const marked = requestsIn(held, held.handedOver).map((request) => {
    const isBefore = (request.handed?.round ?? 0) < round
    return { ...request, handed: { round: isBefore ? 0 : 1, atMs: null } }
  })
  return { ...next, held: withAllChanged(held, marked) }
}

/** The canonical form of the context of a role in `snapshot`. */
export function canonicalForm(role: RoleName, snapshot: AnyMachineSnapshot): object {
  const context = finiteForm(role, snapshot)
  switch (role) {
    case 'acceptor':
    case 'requestQueue':
    case 'auditor':
    case 'reader':
      return context
    // Without a deadline the next event names the server that proposed last.
    case 'timekeeper':
      return snapshot.matches('idle') ? { ...context, firstInTurn: null } : context
    case 'proposer':
      return canonicalProposer(snapshot, context as ProposerContext)
    case 'learner':
      return canonicalLearner(snapshot, context as LearnerContext)
  }
  role satisfies never
}

/** Between two ballots a proposer does not read the state of the last ballot: the next ballot is above `highestRound`. */
function canonicalProposer(snapshot: AnyMachineSnapshot, context: ProposerContext): ProposerContext {
  if (snapshot.matches('idle') || snapshot.matches('backingOff')) {
    return {
      ...context,
      ballot: { round: context.highestRound, node: context.self },
      preparedFrom: context.firstUnexecuted,
      promises: [],
      batch: null,
      accepts: [],
      isChosen: false,
    }
  }
  const promises = snapshot.matches('preparing')
    ? arrivals(context)
    : stillShown(context, context.firstUnexecuted + (snapshot.matches('accepting') ? 1 : 0))
  return { ...context, promises, accepts: [...context.accepts].sort((a, b) => a - b) }
}

/** The order of promises only decides which of the best-informed acceptors is asked, and only when several of them know more. */
function arrivals({ promises, firstUnexecuted }: ProposerContext): readonly GivenPromise[] {
  const knowMore = promises.filter((promise) => promise.firstUnchosen > firstUnexecuted)
  return knowMore.length > 1 ? promises : [...promises].sort((a, b) => a.node - b.node)
}

/**
 * After a quorum has promised, the proposer no longer reads which acceptors promised. It only reads the accepted records from instance
 * `next` on, the next instance at which it reads promises.
 */
function stillShown(
  { self, incarnation, promises, firstUnexecuted }: ProposerContext,
  next: number,
): readonly GivenPromise[] {
  const shown = promises
    .map((promise) => ({
      ...promise,
      accepted: promise.accepted.filter(({ instance }) => instance >= next),
      firstUnchosen: Math.max(promise.firstUnchosen, firstUnexecuted),
    }))
    .filter((promise) => promise.accepted.length > 0 || promise.firstUnchosen > next)
  // Readers expect a list of promises that is not empty. This promise shows no records.
  return shown.length > 0
    ? shown
    : [{ node: self, incarnation, accepted: [], firstUnchosen: firstUnexecuted }]
}

/**
 * A learner that is not behind asks no server: a later target brings its own peer and informant. While it is not behind, an informant
 * that is a member is only asked in an inquiry, as a member, and is forgotten when it is removed. `target`, `highestHeard` and `unsettledSince` do not
 * matter below `firstUnchosen`, which only grows while the node runs.
 */
function canonicalLearner(snapshot: AnyMachineSnapshot, context: LearnerContext): LearnerContext {
  const { self, members, firstUnchosen, target, peer, informant, highestHeard, unsettledSince } = context
  const isBehind = target > firstUnchosen
  const isInquiring = snapshot.matches('inquiring')
  return {
    ...context,
    highestHeard: Math.max(highestHeard, firstUnchosen - 1),
    target: Math.max(target, firstUnchosen),
    peer: isBehind ? peer : self,
    informant: !isBehind && isMember(members, informant) ? null : informant,
    asked:
      snapshot.matches('following') || snapshot.matches('behind')
        ? []
        : [...context.asked].sort((a, b) => a - b),
    lastChosen: null,
    contradiction: null,
    answered: isInquiring ? [...context.answered].sort((a, b) => a - b) : [],
    unsettled: isInquiring && context.unsettled,
    answeredAtMs: isInquiring ? context.answeredAtMs : null,
    unsettledSince: unsettledSince?.instance === firstUnchosen ? unsettledSince : null,
  }
}

/** The number of tries only changes the wait, except while the learner asks for what it misses: there it changes its behavior after `patientTries`. */
function patience(
  snapshot: AnyMachineSnapshot,
  { tries, timing }: { tries: number; timing: Timing },
): number {
  const isCounted = snapshot.matches('catchingUp') || snapshot.matches('installingSnapshot')
  return isCounted ? Math.min(tries, timing.patientTries) : 0
}

function isMember(members: readonly Member[], informant: Informant | null): boolean {
  return members.some(({ id, incarnation }) => id === informant?.id && incarnation === informant.incarnation)
}

function distinct<T>(messages: readonly T[]): readonly T[] {
  if (messages.length < 2) return messages
  const texts = messages.map((one) => JSON.stringify(one))
  return messages.filter((_, place) => texts.indexOf(texts[place] ?? '') === place)
}
