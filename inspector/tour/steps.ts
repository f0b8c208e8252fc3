/**
 * The guided tour: Paxos in twelve steps, on one schedule that runs on the machines. Each step goes on where the one before it
 * ended. What the texts claim about where a role is stands among the lines as `expect`, and is checked when they are run.
 */

export interface TourStep {
  readonly title: string
  /** What is about to happen, and why: paragraphs, to be read before it does. */
  readonly text: readonly string[]
  /** What was to be seen, once it has happened. */
  readonly seen: string
  /** Where that stands. */
  readonly paper: string
  /** The commands of a transcript that bring the cluster there from the step before. */
  readonly lines: readonly string[]
  readonly look: readonly Look[]
}

/** What a reader should look at. */
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
      'Three servers keep one list together. What stands at a place of the list, an instance, must be the same at every server, whatever messages are lost, repeated or late, and whoever crashes.',
      'A server is four statecharts, its roles. A coloured token shows in which state each server is. Nothing flies yet; client a is about to ask server 0 to lock x.',
    ],
    seen: 'The request is on its way to server 0. The client asks one server, and asks again if it hears nothing.',
    paper: 'Paxos Made Simple, 2.1; 3',
    lines: ['servers 3', 'request a→0 lock x', 'expect a#1 asking.asked'],
    look: [state('client.asking.asked'), part('lanes')],
  },
  {
    title: 'Prepare: a ballot begins',
    text: [
      'Server 0 has a request, so its proposer begins a ballot, 1.0: round 1 of server 0. Ballots have an order, and no two servers ever use the same one.',
      'It says prepare 1.0 to all, its own acceptor included: I would lead from instance 0 on; what have you accepted there?',
    ],
    seen: 'Server 1 has heard it and would promise. It says nothing yet: its promise is not on its disk.',
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
    title: 'Persist, then say',
    text: [
      'An acceptor may crash at any moment. If it said a promise and then forgot it, it could take an older ballot afterwards, and two different batches could be chosen at one instance.',
      'So it waits in persisting until its disk has synced, and speaks then. What it has not said binds nobody; what it has said, it still knows after a crash.',
    ],
    seen: 'Servers 0 and 1 have promised, each after its sync: I take nothing below 1.0, and I have accepted nothing so far.',
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
      'So among the promises of a quorum there is one from a server that took part in whatever was chosen at a lower ballot, and it shows that. And a quorum that takes nothing below 1.0 any more leaves too few servers for anything to be chosen below it from now on.',
    ],
    seen: 'Servers 0 and 1 are a quorum, and neither has accepted anything. So nothing else can be chosen below 1.0, and server 0 may propose a batch of its own. Server 2 is not waited for.',
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
      'Server 0 asks all to accept the batch, at instance 0 and ballot 1.0. An acceptor that has promised nothing higher accepts it, syncs, and says accepted.',
      'The batch is chosen at the moment at which a quorum has accepted it at one ballot: not when somebody counts that, and not when the client hears of it. Nothing that happens later can change it.',
    ],
    seen: 'Servers 1 and 0 have it on disk: it is chosen. Server 0 has counted them, executed the request and answered client a. Server 2 knows nothing of it, and need not.',
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
      'expect a#1 answered',
    ],
    look: [state('proposer.leading'), part('ledger')],
  },
  {
    title: 'A leader that stands skips phase 1',
    text: [
      'The promises of ballot 1.0 hold for every instance from 0 on. So the next batch goes straight from leading to accept: one round trip, and one sync at each acceptor.',
      'Instances are serial: instance 1 begins when instance 0 is chosen and executed here. And learners are lazy: nobody is told that instance 0 is chosen. The accept for instance 1 implies it.',
    ],
    seen: 'Servers 1 and 2 executed instance 0 when they heard the accept for instance 1. That instance 1 is chosen only server 0 knows; its next accept will tell the others.',
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
      'expect b#1 answered',
    ],
    look: [state('proposer.leading'), state('learner.following'), part('ledger')],
  },
  {
    title: 'A rival, a denial, a back-off',
    text: [
      'Client a asks for z. Servers 0 and 2 accept that at ballot 1.0, so it is chosen; but what server 2 says is lost, so nobody knows it.',
      'Client c asks server 1, which begins a ballot above: 2.1. It has promised that itself when the accept of server 0 arrives, and an acceptor takes nothing below what it promised. It denies, and names the ballot that it promised.',
    ],
    seen: 'Server 0 backs off: it waits a random time before it tries again, above 2.1, so that two proposers do not take the promises away from each other for ever, which is a duel. Only progress depends on such waits; what is chosen does not.',
    paper: 'Paxos Made Simple, 2.4',
    lines: [
      'request a→0 lock z',
      'deliver a→0 request',
      'sync 0',
      'deliver 0→2 accept',
      'sync 2',
      'drop 2→0 accepted',
      'request c→1 lock x',
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
      'Server 1 wants to propose for client c. But the promise of server 2 shows a batch that it accepted at ballot 1.0 in instance 2. Whether that one was chosen server 1 cannot see; here it was.',
      'So of all that a quorum shows for an instance, a proposer takes the batch of the highest ballot and proposes that again, at its own. If one was chosen, the promises show it, and whatever they show at a higher ballot is the same batch.',
    ],
    seen: 'Instance 2 holds the batch of client a, now at ballot 2.1 as well. Had server 1 proposed its own there, two servers could have executed different things. Its own went to instance 3.',
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
      'Client a holds x, and client c asks for it. The request is chosen at instance 3 all the same: Paxos decides the order, and the service decides what can run.',
      'It cannot run yet. Every server comes to that same result, and the request stays in the queue of server 1, tagged with what it waits for: x.',
    ],
    seen: 'While all that a queue holds is delayed, its server proposes nothing. Client c was told that its request is held. Server 0 has waited long enough, and has nothing left to propose: server 1 had its batch chosen for it.',
    paper: 'The seed, 2-2 (delayed execution)',
    lines: [
      'settle',
      'expect 1 proposer leading',
      'expect 1 requestQueue delayed',
      'expect c#1 waiting.held',
      'expect a#2 answered',
      'timer 0 proposer.backoff',
      'expect 0 proposer idle',
      'expect 0 requestQueue empty',
    ],
    look: [state('requestQueue.delayed'), state('client.waiting.held'), part('queues')],
  },
  {
    title: 'An unlock wakes who waited',
    text: [
      'Client a unlocks x. It asks server 1, which leads now, at ballot 2.1.',
      'Executing that frees x. In a queue, what is freed wakes the request that has waited longest for it, and only that one. It is proposed again, at an instance of its own.',
    ],
    seen: 'The request of client c was chosen twice, at instances 3 and 5, and executed once: its name, c#1, tells that it is the same. Client c holds x.',
    paper: 'The seed, 2-2 (delayed execution)',
    lines: [
      'request a→1 unlock x',
      'deliver a→1 request',
      'expect 1 requestQueue proposing',
      'settle',
      'expect 1 requestQueue empty',
      'expect c#1 answered',
    ],
    look: [state('requestQueue.proposing'), part('service')],
  },
  {
    title: 'A crash, a restart, catching up',
    text: [
      'Server 0 crashes. What its roles remembered is gone, and so is a write that was not synced. Servers 1 and 2 are a quorum, and go on.',
      'Then it starts from its disk. Every promise and accepted that it ever said is there. It executes what it knows to be chosen, and asks nobody: it does not know yet that it missed anything.',
    ],
    seen: 'The accept for instance 7 told server 0 that all below is chosen. After a moment of grace it asked, was told instances 4 to 7, and executed them in order.',
    paper: 'Paxos Made Simple, 2.5; 2.3',
    lines: [
      'crash 0',
      'request b→1 unlock y',
      'settle',
      'expect b#2 answered',
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
      'Server 3 starts with an empty disk. It learns and executes the whole list, as any late server does. But it has no vote: an acceptor that may have forgotten what it promised must not be counted.',
      'That it is admitted is a request like any other: chosen at an instance, and in force from the next one on.',
    ],
    seen: 'Four members: a quorum is three from now on. Server 1 has given up its ballot, which only a quorum of the three had promised, and prepares anew for the next request. Now break it yourself: what was chosen stands.',
    paper: 'Paxos Made Simple, 3 (last paragraph)',
    lines: [
      'join 3 via 1',
      'expect 3 learner catchingUp',
      'settle',
      'expect 3 learner following',
      'request d→1 members admit 3',
      'settle',
      'expect d#1 answered',
      'expect 1 proposer idle',
      'greet 3 via 1',
      'settle',
      'expect 3 learner following',
    ],
    look: [state('learner.catchingUp'), part('ledger')],
  },
]
