/**
 * The auditor guarantees to the cluster that a server whose outcomes differ from those of a quorum halts, and that requests for the
 * service are refused while no quorum agrees. One report of another server proves nothing: it only makes the auditor ask. While all
 * digests are equal it has nothing to do. It also guarantees that a server whose directory was copied or put back is silent as soon as one
 * server has proof of it, and halts when a quorum has.
 */
import { auditorContext } from './auditor-context.ts'
import { auditorSetup } from './auditor-setup.ts'
import { withEvent } from './with-event.ts'

export type { AuditorContext, AuditorInput } from './auditor-context.ts'

/** What makes a server compare that is not comparing: a difference that it notices, or that another server shows. */
const untilCompared = {
  'difference.noticed': [
    { guard: withEvent('wasCompared') },
    { target: 'comparing', actions: [withEvent('recordDifference'), 'beginDoubt'] },
  ],
  compare: [
    { guard: withEvent('senderIsNotCounted') },
    { guard: withEvent('instanceIsUnknown') },
    { guard: withEvent('digestsAreEqual'), actions: withEvent('sendCompared') },
    { guard: withEvent('wasCompared'), actions: withEvent('sendCompared') },
    {
      target: 'comparing',
      actions: [withEvent('sendCompared'), withEvent('recordDifference'), 'beginDoubt'],
    },
  ],
} as const

/** What a server does with the proof that a directory was copied, until it is about its own. */
const exposed = [
  { guard: withEvent('senderIsNotCounted') },
  { guard: withEvent('isAboutAnother'), actions: withEvent('distrustDirectory') },
] as const

export const auditorMachine = auditorSetup.createMachine({
  id: 'auditor',
  context: ({ input }) => auditorContext(input),
  initial: 'agreeing',
  on: {
    // States that compare then do so first; all other questions are handled here.
    compare: [
      { guard: withEvent('senderIsNotCounted') },
      { guard: withEvent('instanceIsUnknown') },
      { actions: withEvent('sendCompared') },
    ],
    exposure: [...exposed, { target: '.reported', actions: withEvent('recordReport') }],
    'exposure.wanted': { actions: withEvent('sendExposures') },
    'members.changed': { actions: withEvent('recordMembers') },
  },
  states: {
    agreeing: {
      description:
        'Knows no quorum of servers that differ. Ends when an accept or a question of another server shows another digest.',
      on: untilCompared,
    },
    comparing: {
      description:
        'Asks all servers for their digests, and answers no client meanwhile. Ends when a quorum agrees or none can, or when the others are silent too long.',
      meta: { paper: 'Paxos Made Simple, 3 (deterministic state machines)' },
      entry: 'broadcastCompare',
      always: [
        { guard: 'quorumDiffers', target: 'differing' },
        {
          guard: 'quorumIsLikeThis',
          target: 'agreeing',
          actions: ['recordConclusion', 'forgetDispute', 'refuseDisputed', 'endDoubt'],
        },
        { guard: 'noQuorumCanAgree', target: 'disputed', actions: ['recordConclusion', 'recordDispute'] },
      ],
      after: {
        askInterval: [
          { guard: 'quorumHasAnswered', target: 'disputed', actions: ['recordConclusion', 'recordDispute'] },
          // The next message that shows a digest shows a difference again, if there is one.
          { guard: 'hasAskedEnoughInDispute', target: 'disputed' },
          { guard: 'hasAskedEnough', target: 'agreeing', actions: 'endDoubt' },
          { target: 'comparing', reenter: true, actions: 'recordTry' },
        ],
      },
      on: {
        compared: [
          { guard: withEvent('senderIsNotCounted') },
          { guard: withEvent('isForAnotherInstance') },
          { actions: withEvent('recordAnswer') },
        ],
      },
    },
    disputed: {
      description:
        'No quorum agrees, so no outcome counts as right: requests for the service are refused. Ends with another difference, which is compared, or with new members of which a quorum agrees.',
      entry: ['refuseDisputed', 'endDoubt'],
      always: [
        { guard: 'quorumDiffers', target: 'differing' },
        { guard: 'quorumIsLikeThis', target: 'agreeing', actions: ['forgetDispute', 'refuseDisputed'] },
      ],
      on: untilCompared,
    },
    differing: {
      description: 'A quorum has other outcomes than this server, which halts.',
      entry: 'haltDiffering',
      on: { exposure: {} },
    },
    reported: {
      description:
        'Another server has proof that the directory of this one was copied or put back, so this server may have forgotten votes: it sends nothing. Ends when a quorum has proof.',
      entry: 'withdraw',
      always: { guard: 'quorumHasReported', target: 'exposed' },
      on: { exposure: [...exposed, { actions: withEvent('recordReport') }] },
    },
    exposed: {
      description:
        'A quorum has proof that the directory of this server was copied or put back. The server halts.',
      entry: 'haltExposed',
      on: { exposure: {} },
    },
  },
})
