/**
 * The guided tour: Paxos in twelve steps, on one schedule that the machines execute. Each step continues where the one before it
 * ended. The lines check by `expect` what the texts claim about the states of roles.
 */

export interface TourStep {
  readonly title: string
  /** The next events and their reasons: paragraphs to read before the events. */
  readonly text: readonly string[]
  /** The result, to read after the events. */
  readonly seen: string
  /** The source. */
  readonly paper: string
  /** The commands of a transcript, from the end of the step before. */
  readonly lines: readonly string[]
  readonly look: readonly Look[]
}

/** A part of the page that the step refers to. */
export type Look =
  /** A state of a chart, by its id: `proposer.preparing`. */
  { readonly kind: 'state'; readonly id: string } | { readonly kind: 'part'; readonly part: TourPart }

export type TourPart = 'lanes' | 'ledger' | 'queues' | 'service'

const state = (id: string): Look => ({ kind: 'state', id })
const part = (name: TourPart): Look => ({ kind: 'part', part: name })

export const tourSteps: readonly TourStep[] = [
  {
    title: 'One list, three servers',
    text: [
      'Three servers replicate one list. Each place in the list is an instance. Its content must be the same at every server, even if messages are lost, repeated or late, and if servers crash.',
      'A server has seven roles, and each role is a statechart. The timekeeper is idle: no deadline is to be kept. So is the reader: there is no read. The auditor, whose chart appears when servers differ, has nothing to compare. A small window hides the charts of idle roles. A coloured token shows the state of each server. No message is in flight yet. Client a will ask server 0 to lock x.',
    ],
    seen: 'The request is in flight to server 0. The client sends it to one server, and sends it again if it receives no answer.',
    paper: 'Paxos Made Simple, 2.1; 3',
    lines: ['servers 3', 'request a→0 lock x', 'expect a asking'],
    look: [state('client.asking'), part('lanes')],
  },
  {
    title: 'Prepare: a ballot begins',
    text: [
      'Server 0 has a request, so its proposer begins ballot 1.0: round 1 of server 0. Ballots are ordered, and no two servers ever use the same ballot.',
      'It sends prepare 1.0 to all acceptors, including its own. The message asks them to promise ballot 1.0 from instance 0 on, and to report what they accepted there.',
    ],
    seen: 'Server 1 has received it and will promise. It sends nothing yet, because its promise is not on its disk.',
    paper: 'Paxos Made Simple, 2.2 (phase 1)',
    lines: [
      'deliver a→0 request',
      'expect 0 proposer preparing',
      'expect 0 requestQueue ready',
      'deliver 0→1 prepare',
      'expect 1 acceptor persisting',
    ],
    look: [state('proposer.preparing'), state('acceptor.persisting')],
  },
  {
    title: 'Persist, then send',
    text: [
      'An acceptor may crash at any moment. If it sent a promise and then forgot it, it could later accept at a lower ballot. Then two different batches could be chosen at one instance.',
      'So it waits in persisting until its disk has synced, and then sends the promise. A promise that it has not sent has no effect; a promise that it has sent survives a crash.',
    ],
    seen: 'Servers 0 and 1 have promised, each after its sync, to accept nothing below 1.0. They have accepted nothing so far.',
    paper: 'Paxos Made Simple, 2.5 (stable storage)',
    lines: [
      'sync 1',
      'expect 1 acceptor listening',
      'sync 0',
      'expect 0 acceptor listening',
      'expect 0 proposer preparing',
    ],
    look: [state('acceptor.persisting'), state('acceptor.listening')],
  },
  {
    title: 'A quorum has promised',
    text: [
      'A quorum is more than half of the members: two of three. Any two quorums share a server.',
      'If a batch was chosen at a lower ballot, a quorum accepted it. So at least one promise comes from a server that accepted that batch, and the promise shows it. And after a quorum has promised 1.0, too few servers remain to choose a batch at a lower ballot.',
    ],
    seen: 'Servers 0 and 1 are a quorum, and neither has accepted anything. So no batch was or will be chosen below 1.0, and server 0 may propose its own batch. It does not wait for server 2.',
    paper: 'Paxos Made Simple, 2.2',
    lines: [
      'deliver 1→0 promise',
      'expect 0 proposer accepting.proposing',
      'expect 0 requestQueue proposing',
    ],
    look: [state('proposer.accepting.proposing')],
  },
  {
    title: 'Accepted by a quorum: chosen',
    text: [
      'Server 0 asks all acceptors to accept the batch, at instance 0 and ballot 1.0. An acceptor that has promised no higher ballot accepts it, syncs, and sends accepted.',
      'The batch is chosen at the moment when a quorum has accepted it at one ballot, before any server counts the answers and before the client receives the result. No later event can change it.',
    ],
    seen: 'Servers 1 and 0 have the batch on disk, so it is chosen. Server 0 has counted their answers, executed the request and answered client a. Server 2 does not know the batch yet, and need not.',
    paper: 'Paxos Made Simple, 2.2 (phase 2); 2.3',
    lines: [
      'deliver 0→1 accept',
      'expect 1 acceptor persisting',
      'sync 1',
      'sync 0',
      'expect 0 proposer accepting.proposing',
      'deliver 1→0 accepted',
      'expect 0 proposer leading',
      'expect 0 requestQueue empty',
      'deliver 0→a response',
      'expect a idle',
    ],
    look: [state('proposer.leading'), part('ledger')],
  },
  {
    title: 'An established leader skips phase 1',
    text: [
      'The promises of ballot 1.0 cover every instance from 0 on. So the leader sends accept for the next batch at once. That costs one round trip, and one sync at each acceptor.',
      'Instances are serial: instance 1 begins after instance 0 is chosen and executed at the leader. Learners are lazy: no message reports that instance 0 is chosen. The accept for instance 1 implies it.',
    ],
    seen: 'Servers 1 and 2 executed instance 0 when they received the accept for instance 1. Only server 0 knows that instance 1 is chosen. Its next accept will imply it for the others.',
    paper: 'Paxos Made Simple, 3; 2.3',
    lines: [
      'settle',
      'request b→0 lock y',
      'deliver b→0 request',
      'expect 0 proposer accepting.proposing',
      'settle',
      'expect 0 proposer leading',
      'expect 1 learner following',
      'expect 2 learner following',
      'expect b idle',
    ],
    look: [state('proposer.leading'), state('learner.following'), part('ledger')],
  },
  {
    title: 'A rival, a denial, a back-off',
    text: [
      'Client a asks for z. Servers 0 and 2 accept that batch at ballot 1.0, so it is chosen. But the answer of server 2 is lost, so no server knows that it is chosen.',
      'Client c asks server 1. It has just left server 0, so server 1 does not hand the request over to that server, but begins a higher ballot: 2.1. Server 1 has promised 2.1 itself when the accept of server 0 arrives. An acceptor accepts nothing below its promise. It sends a denial, which contains the promised ballot.',
    ],
    seen: 'Server 0 backs off: it waits a random time before it tries again with a ballot above 2.1. Without the wait, two proposers could take the promises from each other for ever, which is called a duel. Only progress depends on such waits; safety does not.',
    paper: 'Paxos Made Simple, 2.4',
    lines: [
      'request a→0 lock z',
      'deliver a→0 request',
      'sync 0',
      'deliver 0→2 accept',
      'sync 2',
      'drop 2→0 accepted',
      'request c→1 lock x, not for server 0',
      'deliver c→1 request',
      'expect 1 proposer preparing',
      'sync 1',
      'deliver 0→1 accept',
      'deliver 1→0 denial',
      'expect 0 proposer backingOff',
    ],
    look: [state('proposer.backingOff'), part('lanes')],
  },
  {
    title: 'The highest accepted ballot is adopted',
    text: [
      'Server 1 wants to propose the request of client c. But the promise of server 2 shows a batch that it accepted at ballot 1.0 in instance 2. Server 1 cannot know whether that batch was chosen; here it was.',
      'So of all the batches that a quorum reports for an instance, a proposer takes the one with the highest ballot, and proposes it again at its own ballot. If a batch was chosen, the promises show it, and a batch with a higher ballot is always the same one.',
    ],
    seen: 'Instance 2 holds the batch of client a, now at ballot 2.1 too. If server 1 had proposed its own batch there, two servers could have executed different batches. Its own batch went to instance 3.',
    paper: 'Paxos Made Simple, 2.2 (P2c)',
    lines: [
      'deliver 1→2 prepare',
      'sync 2',
      'deliver 2→1 promise',
      'expect 1 proposer accepting.helping',
      'deliver 1→2 accept',
      'sync 1',
      'sync 2',
      'deliver 2→1 accepted',
      'expect 1 proposer accepting.proposing',
    ],
    look: [state('proposer.accepting.helping'), part('ledger')],
  },
  {
    title: 'Chosen, and delayed',
    text: [
      'Client a holds x, and client c asks for it. The request is chosen at instance 3 nevertheless: Paxos decides the order, and the service decides which requests can run.',
      'It cannot run yet. Every server computes this same result. The request stays in the queue of server 1, tagged with the key that it waits for: its own name, since the service knows who waits and in which order.',
    ],
    seen: 'While every request in a queue is delayed, its server proposes nothing. Client c has received the answer that its request is held. The back-off of server 0 has ended. It has nothing left to propose, because server 1 completed its batch.',
    paper: 'The seed, 2-2 (delayed execution)',
    lines: [
      'settle',
      'expect 1 proposer leading',
      'expect 1 requestQueue delayed',
      'expect c waiting',
      'expect a idle',
      'timer 0 proposer.backoff',
      'expect 0 proposer idle',
      'expect 0 requestQueue empty',
    ],
    look: [state('requestQueue.delayed'), state('client.waiting'), part('queues')],
  },
  {
    title: 'An unlock wakes the waiting request',
    text: [
      'Client a unlocks x. It asks server 1, which leads now at ballot 2.1.',
      'The execution frees x and grants it to client c, which has waited longest. It frees the key of that request, which wakes it, and no other. The request is proposed again, at another instance, to collect its token.',
    ],
    seen: 'The request of client c was chosen twice, at instances 3 and 5, and executed once. Its name, c#1, shows that it is the same request. Client c holds x.',
    paper: 'The seed, 2-2 (delayed execution)',
    lines: [
      'request a→1 unlock x',
      'deliver a→1 request',
      'expect 1 requestQueue proposing',
      'settle',
      'expect 1 requestQueue empty',
      'expect c idle',
    ],
    look: [state('requestQueue.proposing'), part('service')],
  },
  {
    title: 'A crash, a restart, catching up',
    text: [
      'Server 0 crashes. The memory of its roles is lost, and so is a write that was not synced. Servers 1 and 2 are a quorum, and continue.',
      'Then it starts from its disk. Every promise and accepted that it ever sent is there. It executes the batches that it knows to be chosen, and asks no other server, because it does not know yet that it missed anything.',
    ],
    seen: 'The accept for instance 7 implied that all lower instances are chosen. After a short delay server 0 asked for them, received instances 4 to 7, and executed them in order.',
    paper: 'Paxos Made Simple, 2.5; 2.3',
    lines: [
      'crash 0',
      'request b→1 unlock y',
      'settle',
      'expect b idle',
      'restart 0',
      'expect 0 acceptor listening',
      'expect 0 learner following',
      'request a→1 unlock z',
      'settle',
      'expect 0 learner behind',
      'timer 0 learner.grace',
      'expect 0 learner catchingUp',
      'settle',
      'expect 0 learner following',
    ],
    look: [state('learner.behind'), state('learner.catchingUp'), part('ledger')],
  },
  {
    title: 'A fourth server joins',
    text: [
      'Server 3 starts with an empty disk. It learns and executes the whole list, as any late server does. But it has no vote, because an acceptor that may have forgotten a promise must not be counted.',
      'Its admission is a request like any other: it is chosen at an instance, and is in force from the next one on.',
    ],
    seen: 'There are four members, so a quorum is three from now on. Server 1 has given up its ballot, which only a quorum of the three had promised, and will prepare again for the next request. Now try to break it yourself: a chosen batch never changes.',
    paper: 'Paxos Made Simple, 3 (last paragraph)',
    lines: [
      'join 3 via 1',
      'expect 3 learner catchingUp',
      'settle',
      'expect 3 learner following',
      'request d→1 members admit 3',
      'settle',
      'expect d idle',
      'expect 1 proposer idle',
      'greet 3 via 1',
      'settle',
      'expect 3 learner following',
    ],
    look: [state('learner.catchingUp'), part('ledger')],
  },
]
