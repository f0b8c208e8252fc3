/**
 * What of a role's context decides what can come. The checker puts every snapshot into this form, so that schedules which differ
 * in nothing that matters meet in one state. Each rule says why the same can come from both.
 */
import type { AnyMachineSnapshot } from 'xstate'
import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { Informant, RoleName } from '../../machines/inbox.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import type { Member } from '../../machines/members.ts'
import type { GivenPromise } from '../../machines/promises.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { Timing } from '../../machines/timing.ts'

/**
 * The context of a role that is in `snapshot`, without what may grow for ever. How long to wait is left out, since an armed
 * timer may fire at any moment, and so is `hasYielded`, which only makes a wait longer. What an acceptor is to say twice it is
 * to say once, since any datagram may arrive twice.
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
        tries: patience(snapshot, context),
        denials: 0,
        backoffMs: 0,
        hasYielded: false,
      }
    case 'learner':
      return { ...context, tries: patience(snapshot, context) }
    case 'requestQueue':
      return context
  }
  role satisfies never
}

/** The context of a role that is in `snapshot`, as far as it matters. */
export function canonicalForm(role: RoleName, snapshot: AnyMachineSnapshot): object {
  const context = finiteForm(role, snapshot)
  switch (role) {
    case 'acceptor':
    case 'requestQueue':
      return context
    case 'proposer':
      return canonicalProposer(snapshot, context as ProposerContext)
    case 'learner':
      return canonicalLearner(snapshot, context as LearnerContext)
  }
  role satisfies never
}

/** Between two ballots nothing of the last one is read: the next begins above `highestRound`. */
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

/** The order of promises says only which of the best informed ones is asked, and that only when they know more. */
function arrivals({ promises, firstUnexecuted }: ProposerContext): readonly GivenPromise[] {
  const knowMore = promises.filter((promise) => promise.firstUnchosen > firstUnexecuted)
  return knowMore.length > 1 ? promises : [...promises].sort((a, b) => a.node - b.node)
}

/**
 * After a quorum has promised, who promised is not asked again; only what is shown from instance `next` on, which is the next
 * at which promises are read.
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
  // Promises are read as a list that is not empty; this one shows nothing.
  return shown.length > 0
    ? shown
    : [{ node: self, incarnation, accepted: [], firstUnchosen: firstUnexecuted }]
}

/**
 * Whoever is not behind asks nobody: a later target names its own peer and informant. An informant that is a member has its turn
 * as such, and is forgotten when it is removed. A target, an instance heard of and an unsettled one below `firstUnchosen` are
 * never met again, since it only grows while the node runs.
 */
function canonicalLearner(snapshot: AnyMachineSnapshot, context: LearnerContext): LearnerContext {
  const { self, members, firstUnchosen, target, peer, informant, highestHeard, unsettledAt } = context
  const isBehind = target > firstUnchosen
  const isInquiring = snapshot.matches('inquiring')
  return {
    ...context,
    highestHeard: Math.max(highestHeard, firstUnchosen - 1),
    target: Math.max(target, firstUnchosen),
    peer: isBehind ? peer : self,
    informant: isMember(members, informant) ? null : informant,
    asked:
      snapshot.matches('following') || snapshot.matches('behind')
        ? []
        : [...context.asked].sort((a, b) => a - b),
    lastChosen: null,
    contradiction: null,
    answered: isInquiring ? [...context.answered].sort((a, b) => a - b) : [],
    unsettled: isInquiring && context.unsettled,
    unsettledAt: unsettledAt < firstUnchosen ? -1 : unsettledAt,
  }
}

/** A try more or less says only how long to wait, but where another way is taken after so many. */
function patience(
  snapshot: AnyMachineSnapshot,
  { tries, timing }: { tries: number; timing: Timing },
): number {
  return snapshot.matches('catchingUp') ? Math.min(tries, timing.patientTries) : 0
}

function isMember(members: readonly Member[], informant: Informant | null): boolean {
  return members.some(({ id, incarnation }) => id === informant?.id && incarnation === informant.incarnation)
}

function distinct<T>(said: readonly T[]): readonly T[] {
  if (said.length < 2) return said
  const texts = said.map((one) => JSON.stringify(one))
  return said.filter((_, place) => texts.indexOf(texts[place] ?? '') === place)
}
