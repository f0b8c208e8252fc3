import type { Instance, Json } from '../../machines/batch.ts'
import type { Outcome, ReadOutcome } from '../../machines/outcome.ts'

/** The base class of the errors of the client library. The message names the problem and the remedy. */
export class PaxosError extends Error {
  override readonly name: string = 'PaxosError'
}

/** An option or an argument is invalid: a mistake of the program. The client sent nothing. */
export class InvalidArgument extends PaxosError {
  override readonly name = 'InvalidArgument'
}

/** The service refused the command or threw. The request has a place in the order, (instance, index), and changed nothing. */
export class RequestFailed extends PaxosError {
  override readonly name = 'RequestFailed'
  /** The service's reason. */
  readonly error: string
  readonly instance: Instance
  readonly index: number

  constructor(outcome: Extract<Outcome, { kind: 'failed' }>) {
    super(`the service failed the request: ${outcome.error}`)
    this.error = outcome.error
    this.instance = outcome.instance
    this.index = outcome.index
  }
}

/**
 * The replicated state has reached its quota, and the request would make it larger: `paxos quota` shows the size. The cluster executed the
 * request without any effect, and a repetition of it has the same answer. Requests that shrink the state work: free or delete
 * something, or raise the quota with `paxos quota set`, and send the request anew.
 */
export class QuotaExceeded extends PaxosError {
  override readonly name = 'QuotaExceeded'
  /** The size of the state, in bytes. */
  readonly sizeBytes: number
  /** What the request would have added. */
  readonly growthBytes: number
  readonly quotaBytes: number
  readonly instance: Instance
  readonly index: number

  constructor({
    sizeBytes,
    growthBytes,
    quotaBytes,
    instance,
    index,
  }: Extract<Outcome, { kind: 'overQuota' }>) {
    super(
      `the replicated state takes ${sizeBytes} bytes of its quota of ${quotaBytes}, and the request would add ${growthBytes}: it had no effect; delete or free something, or raise the quota with paxos quota set, and ask again`,
    )
    this.sizeBytes = sizeBytes
    this.growthBytes = growthBytes
    this.quotaBytes = quotaBytes
    this.instance = instance
    this.index = index
  }
}

/** Servers cannot run the version of the service, or did not report that they can. The client sent no request. */
export class UpgradeRefused extends PaxosError {
  override readonly name = 'UpgradeRefused'
  /** A sentence for each server. */
  readonly reasons: readonly string[]

  constructor(reasons: readonly string[]) {
    super(
      `no upgrade: ${reasons.join('; ')}. Start each counted server with a program that has the version, and ask again`,
    )
    this.reasons = reasons
  }
}

/** The service refused the read or threw: the command does not only read, or what it asks for cannot be read. */
export class ReadFailed extends PaxosError {
  override readonly name = 'ReadFailed'
  /** The service's reason. */
  readonly error: string
  /** The state contained everything that was executed below this instance. */
  readonly instance: Instance

  constructor({ error, instance }: Extract<ReadOutcome, { kind: 'unreadable' }>) {
    super(`the service failed the read: ${error}`)
    this.error = error
    this.instance = instance
  }
}

export type RefusalReason = Extract<Outcome, { kind: 'refused' }>['reason'] | 'cancelled'

const refusals: Record<RefusalReason, string> = {
  disputed:
    'the servers disagree about the outcomes of the service, so requests for it are refused (see paxos status); it is unknown whether this request was executed',
  expired:
    'its session ended, and it is not known whether the request was executed before that; later requests open a new session',
  stale: 'the session had reported that it no longer needs this request',
  conflict: 'another command was sent under the same session and seq; two programs must not share a session',
  forgotten:
    'its session held too many results that were not acknowledged, and it is not known whether the request was executed; open another client',
  repeated: 'a copy of it was executed; only plain-text clients receive this reason',
  cancelled: 'it was cancelled before it was executed',
}

/**
 * The cluster does not execute the request under this uid and seq, now or later; with the reason `disputed`, the server that answered does
 * not propose it.
 */
export class RequestRefused extends PaxosError {
  override readonly name = 'RequestRefused'
  readonly reason: RefusalReason

  constructor(reason: RefusalReason) {
    super(`the request was refused (${reason}): ${refusals[reason]}`)
    this.reason = reason
  }
}

/**
 * The session of the request ended before its answer arrived: no sign of life reached the cluster in time, or somebody ended the session.
 * Later requests open a new session.
 */
export class SessionExpired extends PaxosError {
  override readonly name = 'SessionExpired'
  /** Nobody can know more. */
  readonly executed = 'unknown'

  constructor() {
    super(
      'the session of the request ended before the answer arrived, and it is not known whether the request was executed; check its effect, and send it again if it is missing',
    )
  }
}

/** The command exceeds the limit of the servers. The client sent nothing. */
export class RequestTooLarge extends PaxosError {
  override readonly name = 'RequestTooLarge'
  readonly sizeBytes: number
  readonly limitBytes: number

  constructor(sizeBytes: number, limitBytes: number) {
    super(
      `the command takes ${sizeBytes} bytes of JSON and the limit is ${limitBytes}; split it, or store its data elsewhere`,
    )
    this.sizeBytes = sizeBytes
    this.limitBytes = limitBytes
  }
}

/**
 * The program aborted the request too late, or the client could not learn in time whether it was too late. `cause` is the
 * signal's reason.
 */
export class Aborted extends PaxosError {
  override readonly name = 'Aborted'
  /** How the request ended; `null` when that is not known. */
  readonly outcome: Outcome | null

  constructor(outcome: Outcome | null, reason: unknown) {
    super(
      outcome === null
        ? 'the request was aborted, and it is not known whether it was or will be executed'
        : `the request was aborted after it had ended (${outcome.kind})`,
      { cause: reason },
    )
    this.outcome = outcome
  }
}

/** The client was closed before the call or during it. The request may have been executed. */
export class ClientClosed extends PaxosError {
  override readonly name = 'ClientClosed'

  constructor(reason?: unknown) {
    super(
      'the client is closed; open another with connect()',
      reason === undefined ? undefined : { cause: reason },
    )
  }
}

/** Every server that the client asked belongs to another cluster than the option `cluster` names. */
export class ForeignCluster extends PaxosError {
  override readonly name = 'ForeignCluster'

  constructor(expected: string, found: string) {
    super(
      `the servers belong to cluster '${found}', not to '${expected}'; correct the option servers or cluster`,
    )
  }
}

/** The call is for a service that the cluster does not run. The client sent no command. */
export class WrongService extends PaxosError {
  override readonly name = 'WrongService'
  /** The service for which the call is. */
  readonly expected: string
  /** The service that the cluster runs: the names of several are joined by `+`. */
  readonly running: string

  constructor(expected: string, running: string) {
    super(
      `the call is for the service '${expected}', and the cluster runs '${running}'; connect to a cluster with that service`,
    )
    this.expected = expected
    this.running = running
  }
}

/** A server did not report its status in time. */
export class ServerSilent extends PaxosError {
  override readonly name = 'ServerSilent'
  readonly server: string

  constructor(server: string, waitedMs: number) {
    super(`the server ${server} did not answer within ${waitedMs} ms; is it running and reachable?`)
    this.server = server
  }
}

/** This call cannot read the result of the service: the cluster runs another service, or another version of it. */
export class UnexpectedResult extends PaxosError {
  override readonly name = 'UnexpectedResult'

  constructor(expected: string, result: Json) {
    super(
      `expected ${expected} from the service and received ${JSON.stringify(result)}; does the cluster run another service?`,
    )
  }
}
