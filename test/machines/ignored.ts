/** The inbox of each chart, and where it passes over an event in silence, with the reason. */
import type { ClientEvent } from '../../machines/client.ts'
import type {
  AcceptorEvent,
  AuditorEvent,
  LearnerEvent,
  ProposerEvent,
  ReaderEvent,
  RequestQueueEvent,
  TimekeeperEvent,
} from '../../machines/inbox.ts'
import type { LeaseEvent } from '../../machines/lease.ts'
import type { NodeEvent } from '../../machines/node.ts'

interface Inboxes {
  readonly acceptor: AcceptorEvent
  readonly proposer: ProposerEvent
  readonly learner: LearnerEvent
  readonly requestQueue: RequestQueueEvent
  readonly timekeeper: TimekeeperEvent
  readonly auditor: AuditorEvent
  readonly reader: ReaderEvent
  readonly client: ClientEvent
  readonly lease: LeaseEvent
  readonly node: NodeEvent
}

export type ChartName = keyof Inboxes

/** States in which an event is ignored. */
export interface Ignored {
  readonly in: readonly string[]
  readonly because: string
}

const everywhere: Ignored = { in: [], because: '' }

/** The compiler sees to it that each event of an inbox stands here, and no other. */
export const ignored: {
  readonly [Name in ChartName]: Readonly<Record<Inboxes[Name]['type'], Ignored>>
} = {
  acceptor: {
    prepare: everywhere,
    accept: everywhere,
    settled: everywhere,
    confirm: everywhere,
    persisted: { in: ['listening'], because: 'nothing is being synced, so nobody says it' },
    'firstUnchosen.advanced': everywhere,
    'members.changed': everywhere,
  },
  proposer: {
    promise: {
      in: ['idle', 'catchingUp', 'accepting.helping', 'accepting.proposing', 'leading', 'backingOff'],
      because: 'a quorum has promised already, or the ballot was given up: one more decides nothing',
    },
    accepted: {
      in: ['idle', 'preparing', 'catchingUp', 'leading', 'backingOff'],
      because: 'what it accepted is done or given up: nothing is proposed',
    },
    denial: {
      in: ['idle', 'catchingUp', 'leading', 'backingOff'],
      because:
        'nothing is asked for at the ballot that it denies; the next thing said at it would be denied again',
    },
    'requests.ready': {
      in: ['preparing', 'catchingUp', 'accepting.helping', 'accepting.proposing', 'leading', 'backingOff'],
      because: 'it asks for a batch when it leads, and for work when it gives up',
    },
    'batch.offered': {
      in: ['preparing', 'catchingUp', 'accepting.helping', 'accepting.proposing', 'backingOff'],
      because:
        'the lead for which it asked for a batch is lost; it asks anew, and what was offered is offered again',
    },
    'settle.wanted': {
      in: ['preparing', 'catchingUp', 'accepting.helping', 'accepting.proposing', 'leading', 'backingOff'],
      because: 'preparing settles what is open, and is under way, done or about to be tried',
    },
    'rival.promised': everywhere,
    'server.exposed': {
      in: ['idle', 'backingOff'],
      because: 'nothing that it counted is in use',
    },
    'batch.executed': everywhere,
    'state.replaced': everywhere,
  },
  learner: {
    learn: everywhere,
    chosen: everywhere,
    'batch.chosen': everywhere,
    'choice.implied': everywhere,
    'behind.noticed': everywhere,
    'news.wanted': {
      in: [
        'behind',
        'catchingUp',
        'installingSnapshot.resuming',
        'installingSnapshot.fetching',
        'installingSnapshot.checking',
        'inquiring',
      ],
      because: 'news is on its way, or asked for already; the client asks again',
    },
    'chosen.read': everywhere,
    compacted: {
      in: ['following', 'behind', 'installingSnapshot.resuming', 'installingSnapshot.checking'],
      because: 'nothing is asked for, or the snapshot that storage prepares or checks comes first',
    },
    fetch: everywhere,
    'chunks.read': everywhere,
    chunk: {
      in: [
        'following',
        'behind',
        'catchingUp',
        'inquiring',
        'installingSnapshot.resuming',
        'installingSnapshot.checking',
      ],
      because: 'no snapshot is fetched, storage is not ready for it, or all of it has arrived',
    },
    'snapshot.resumed': everywhere,
    'chunk.kept': everywhere,
    'snapshot.wanted': everywhere,
    'snapshot.checked': {
      in: [
        'following',
        'behind',
        'catchingUp',
        'inquiring',
        'installingSnapshot.resuming',
        'installingSnapshot.fetching',
      ],
      because: 'the missing batches have arrived meanwhile',
    },
    'snapshot.drawn': everywhere,
    'snapshot.held': everywhere,
    'members.changed': everywhere,
  },
  requestQueue: {
    request: everywhere,
    handOver: everywhere,
    'leader.changed': everywhere,
    'leader.answered': everywhere,
    'batch.wanted': everywhere,
    'work.wanted': everywhere,
    'time.wanted': everywhere,
    'news.checked': everywhere,
    'node.stopping': everywhere,
    'space.changed': everywhere,
    'batch.executed': everywhere,
    'state.replaced': everywhere,
    'requests.recalled': everywhere,
    'members.changed': everywhere,
  },
  reader: {
    read: everywhere,
    confirmed: {
      in: ['idle'],
      because: 'the question is answered: one more answer decides nothing',
    },
    'node.stopping': everywhere,
    'batch.executed': everywhere,
    'state.replaced': everywhere,
    'members.changed': everywhere,
  },
  timekeeper: {
    'deadline.reckoned': everywhere,
    'members.changed': everywhere,
  },
  auditor: {
    compare: everywhere,
    compared: {
      in: ['agreeing', 'disputed', 'differing', 'reported', 'exposed'],
      because: 'the comparison that asked for it has ended',
    },
    exposure: everywhere,
    'exposure.wanted': everywhere,
    'difference.noticed': {
      in: ['comparing', 'differing', 'reported', 'exposed'],
      because: 'one instance is compared at a time, and the next accept shows the difference again',
    },
    'members.changed': everywhere,
  },
  client: {
    'request.submitted': everywhere,
    response: everywhere,
    queued: everywhere,
    busy: everywhere,
    'give.up': everywhere,
  },
  lease: {
    'need.began': {
      in: ['kept', 'lost'],
      because: 'the session is kept already, or cannot be kept any more',
    },
    'clock.read': {
      in: ['unneeded', 'lost'],
      because: 'it answers a question of a state that has been left',
    },
    'touch.answered': everywhere,
    'session.ended': everywhere,
  },
  node: {
    'node.recovered': {
      in: ['running', 'stopping'],
      because: 'storage is read once',
    },
    'node.stopping': { in: ['stopping'], because: 'it is stopping already' },
    'node.stopped': { in: ['recovering'], because: 'nothing has begun that could come to an end' },
    'node.failed': everywhere,
  },
}
