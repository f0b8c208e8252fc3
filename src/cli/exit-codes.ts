/** The exit codes of `paxos`, for scripts. */
export const exitCodes = {
  done: 0,
  /** A request that the cluster refused; a server that could not start, or halted. */
  failed: 1,
  /** A wrong command, option or argument: nothing was sent. */
  usage: 2,
  /** The time is over, enough servers answer, and the command waited for another client, such as the one that holds the lock. */
  gaveUp: 3,
  /** The time is over, and too few servers answer, or enough of them but not in time. */
  noQuorum: 4,
  noServerAnswers: 5,
  /** `storage`: the store is damaged. */
  damaged: 6,
  /** `status` when some servers, but not all, answered, or when they belong to different clusters. */
  someDoNotAnswer: 7,
  /** `unlock` of a lock that is not held, or not under that token. */
  notHeld: 8,
  /** `lock`: the lock was lost while it was held. */
  lost: 9,
  /** The replicated state has reached its quota. */
  quotaExceeded: 10,
} as const

/** The shell's convention for a program that a signal ended. */
export const signalExitCodes = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

export const exitCodesHelp = `Exit codes:
  0    done
  1    refused by the cluster; a server could not start, or halted
  2    a wrong command, option or argument
  3    gave up after --wait, --try or --timeout although enough servers answer: another client holds the lock (lock), or has changed
       nothing (kv take, kv watch, locks --watch)
  4    gave up after --wait or --timeout because too few servers answer, or did so too late: paxos status shows each
  5    no server answers
  6    storage: the store is damaged
  7    status: some servers did not answer, or they belong to different clusters
  8    unlock: the lock was not held, or not under that token
  9    lock: the lock was lost while it was held
  10   refused: the replicated state has reached its quota
  130  interrupted by Ctrl-C (129: by SIGHUP, 131: by Ctrl-\\, 143: by SIGTERM) before it was done

With --json, an error is also one object on stdout: {"error":{"code":…,"message":…}}. The codes are failed (exit codes 1 and 6),
usage (2), gaveUp (3), noQuorum (4), noServerAnswers (5), lost (9), quotaExceeded (10), interrupted (129, 130, 131, 143) and internal (1), a bug
in paxos.`

/** The kind of an error, for programs. */
export type ErrorCode =
  | 'failed'
  | 'usage'
  | 'gaveUp'
  | 'noQuorum'
  | 'noServerAnswers'
  | 'lost'
  | 'quotaExceeded'
  | 'interrupted'
  | 'internal'

const namedCodes = ['usage', 'gaveUp', 'noQuorum', 'noServerAnswers', 'lost', 'quotaExceeded'] as const

/** A command failed. Holds a one-line message for stderr and the exit code. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message)
    this.exitCode = exitCode
  }

  /** The kind of the error. */
  get code(): ErrorCode {
    for (const code of namedCodes) {
      if (this.exitCode === exitCodes[code]) return code
    }
    return Object.values<number>(signalExitCodes).includes(this.exitCode) ? 'interrupted' : 'failed'
  }
}

/** The failure of a command whose options or arguments contradict each other. */
export function wrongUse(message: string): Failure {
  return new Failure(message, exitCodes.usage)
}
