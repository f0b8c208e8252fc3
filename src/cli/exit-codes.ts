/** The exit codes of `paxos`, for scripts. */
export const exitCodes = {
  done: 0,
  /** A wrong option or argument; a request that the cluster refused; a server that could not start, or halted. */
  failed: 1,
  noServerAnswers: 2,
  /** `--timeout` passed although servers answered: another client holds the lock, or too few servers answer. */
  gaveUp: 3,
  /** `unlock` of a lock that is not held, or not under that token. */
  notHeld: 4,
  /** `status` when some servers, but not all, answered. */
  someDoNotAnswer: 5,
  /** `storage`: the store is damaged. */
  damaged: 6,
} as const

/** The shell's convention for a program that a signal ended. */
export const signalExitCodes = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const

export const exitCodesHelp = `Exit codes:
  0    done
  1    a wrong option or argument; refused by the cluster; a server could not start, or halted
  2    no server answers
  3    gave up after --timeout, though servers answered
  4    unlock: the lock was not held, or not under that token
  5    status: some servers did not answer
  6    storage: the store is damaged
  130  interrupted by Ctrl-C (129: by SIGHUP, 131: by Ctrl-\\, 143: by SIGTERM) before it was done

With --json, an error is also one object on stdout: {"error":{"code":…,"message":…}}. The codes are usage and failed
(exit codes 1 and 6), noServerAnswers (2), gaveUp (3), interrupted (129, 130, 131, 143) and internal (1), a bug in paxos.`

/** The kind of an error, for programs. */
export type ErrorCode = 'usage' | 'failed' | 'noServerAnswers' | 'gaveUp' | 'interrupted' | 'internal'

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
    switch (this.exitCode) {
      case exitCodes.noServerAnswers:
        return 'noServerAnswers'
      case exitCodes.gaveUp:
        return 'gaveUp'
      default:
        return Object.values<number>(signalExitCodes).includes(this.exitCode) ? 'interrupted' : 'failed'
    }
  }
}
