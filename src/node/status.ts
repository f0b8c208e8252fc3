import type { AcceptorContext } from '../../machines/acceptor.ts'
import type { Address, Json, NodeId } from '../../machines/batch.ts'
import { type Boot, whyCopied } from '../../machines/boot.ts'
import type { LearnerContext } from '../../machines/learner.ts'
import { isCounted, type Member, shownMembers } from '../../machines/members.ts'
import type { ProposerContext } from '../../machines/proposer.ts'
import type { RequestQueueContext } from '../../machines/request-queue.ts'
import { stateName } from '../core/chart-names.ts'
import { roleNames } from '../core/roles.ts'
import type { Trust } from '../core/trust.ts'
import type { ReporterCounters } from '../inspect/report/reporter.ts'
import type { Replica, Usage } from '../services/replica.ts'
import type { Identity } from '../storage/storage.ts'
import type { Space } from './disk-watch.ts'
import type { Runtime } from './runtime.ts'
import type { Transport } from './transport.ts'

/** The status of a server, for the answer to `inquire`. */
export function statusOf({
  id,
  address,
  identity,
  boot,
  replica,
  runtime,
  transport,
  inspector,
  disk,
}: {
  readonly id: NodeId
  readonly address: Address
  readonly identity: Identity
  readonly boot: Boot
  readonly replica: Replica
  readonly runtime: Runtime
  readonly transport: Pick<Transport, 'counters' | 'usage'> | undefined
  /** The counters of records for the inspector; `undefined` without one. */
  readonly inspector: ReporterCounters | undefined
  /** The room on the disk; `null` in memory, and before the first measurement. */
  readonly disk: Space | null
}): Json {
  const acceptor = runtime.snapshot('acceptor')?.context as AcceptorContext | undefined
  const proposer = runtime.snapshot('proposer')?.context as ProposerContext | undefined
  const learner = runtime.snapshot('learner')?.context as LearnerContext | undefined
  const queue = runtime.snapshot('requestQueue')?.context as RequestQueueContext | undefined
  return {
    id,
    address,
    cluster: identity.cluster,
    pid: process.pid,
    state: runtime.whyWithdrawn === null ? runtime.state : 'withdrawn',
    counted: isCounted(replica.members, id, identity.incarnation),
    roles: Object.fromEntries(
      roleNames.map((role) => [role, stateName(runtime.snapshot(role)?.value ?? 'none')]),
    ),
    ballot: proposer === undefined ? null : { ...proposer.ballot },
    promised: acceptor?.promised == null ? null : { ...acceptor.promised },
    firstUnchosen: replica.firstUnexecuted,
    snapshot: learner === undefined ? null : snapshotStatus(learner),
    clockMs: replica.clockMs,
    deadlineMs: replica.deadlineMs,
    queue: { length: queue?.held.count ?? 0, delayed: queue?.held.delayedCount ?? 0 },
    sessions: replica.sessionCount,
    service: { name: replica.serviceName, ...replica.serviceVersions },
    dispute: runtime.dispute === null ? null : { ...runtime.dispute },
    usage: { ...replica.usage, ...queueUsage(queue), ...transport?.usage },
    disk: disk === null ? null : { ...disk },
    boot: boot.count,
    distrusted: distrusted(runtime.trust, replica.members),
    withdrawn: runtime.whyWithdrawn,
    members: shownMembers(replica.members).map((member) => ({ ...member })),
    datagrams:
      transport === undefined ? null : { ...transport.counters, pagesRefused: runtime.pages.refused },
    inspector: inspector === undefined ? null : { ...inspector },
  }
}

/** The members that this server does not count, and the reasons. */
function distrusted(trust: Trust, members: readonly Member[]): Json {
  return trust.flatMap(({ node, incarnation, distrust }) =>
    distrust !== null && isCounted(members, node, incarnation)
      ? [{ id: node, reason: whyCopied(distrust) }]
      : [],
  )
}

/** The usage and the limits of the request queue, for requests to propose and for delayed requests. */
function queueUsage(queue: RequestQueueContext | undefined): Readonly<Record<string, Usage>> {
  if (queue === undefined) return {}
  const { count, delayedCount, readyBytes, delayedBytes } = queue.held
  const { queueRequests, queueBytes } = queue.limits
  return {
    queued: { used: count - delayedCount, allowed: queueRequests },
    queuedBytes: { used: readyBytes, allowed: queueBytes },
    delayed: { used: delayedCount, allowed: queueRequests },
    delayedBytes: { used: delayedBytes, allowed: queueBytes },
  }
}

/** The snapshot that storage holds, and the one that the server fetches; `null` where there is none. */
function snapshotStatus({ snapshot, fetching }: LearnerContext): Json {
  return {
    held: snapshot === null ? null : { instance: snapshot.instance, bytes: snapshot.lengthBytes },
    fetched:
      fetching === null
        ? null
        : {
            instance: fetching.snapshot.instance,
            bytes: fetching.snapshot.lengthBytes,
            receivedBytes: fetching.receivedBytes,
          },
  }
}
