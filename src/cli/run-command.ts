/** Runs a command of the user, such as the one that `paxos lock` protects. */
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:os'
import { visible } from '../core/visible.ts'
import { Failure } from './exit-codes.ts'
import { isInForeground } from './foreground.ts'
import { complain, shellCommand } from './output.ts'
import { forwardedSignals, onSignals } from './signals.ts'

/** The shell's exit codes for a command that is not there, and for one that cannot be run. */
const notFound = 127
const notRunnable = 126

/** The shell's exit code for a command that a signal ended is this plus the number of the signal. */
const signalled = 128

/** What Ctrl-C and Ctrl-\ in a terminal send to its whole foreground process group: also to the command. */
const keyboardSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']

/** What happens to a command whose lock is lost: SIGTERM and after a while SIGKILL, or SIGKILL at once. */
export type LossPolicy = 'term' | 'kill'

/** The loss of what the command needs. */
export interface Loss {
  /** Aborts when it is lost. */
  readonly signal: AbortSignal
  readonly policy: LossPolicy
  /** Called before the command is ended for it. */
  readonly notice: () => void
}

/** How long after SIGTERM the command is ended by SIGKILL, in milliseconds. */
export const killAfterMs = 5_000

/**
 * Runs the command `words`, with `env` added to its environment and with the input and the outputs of this process, and forwards
 * signals to it. Ends it at a loss. Resolves to its exit code, by the shell's rules: 128 and the number of the signal that ended it.
 * Rejects with a `Failure` when it cannot be started.
 */
export async function runCommand(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  loss: Loss,
): Promise<number> {
  const [file = '', ...args] = words
  let child: ChildProcess
  try {
    child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  } catch (error) {
    throw notStarted(file, error as NodeJS.ErrnoException)
  }
  const removeHandlers = onSignals(forwardedSignals, (signal) => {
    if (!keyboardSignals.includes(signal) || !isInForeground()) child.kill(signal)
  })
  const forgetLoss = endAtLoss(child, loss)
  try {
    return await exitCodeOf(child, file)
  } finally {
    removeHandlers()
    forgetLoss()
  }
}

/** Returns a function that no longer ends the command. */
function endAtLoss(child: ChildProcess, { signal, policy, notice }: Loss): () => void {
  let timer: NodeJS.Timeout | undefined
  const end = () => {
    notice()
    child.kill(policy === 'kill' ? 'SIGKILL' : 'SIGTERM')
    if (policy === 'term') timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  }
  if (signal.aborted) end()
  else signal.addEventListener('abort', end)
  return () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

function exitCodeOf(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      if (child.pid === undefined) reject(notStarted(file, error))
      // The command runs, perhaps as another user.
      else complain(`a signal cannot be sent to the command ${shellCommand([file])}: ${error.message}`)
    })
    child.once('exit', (code, signal) => {
      resolve(code ?? signalled + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

function notStarted(file: string, { code, message }: NodeJS.ErrnoException): Failure {
  const why = file === '' ? 'its name is empty' : message
  return new Failure(
    `the command ${visible(shellCommand([file]))} cannot be started: ${why}`,
    file === '' || code === 'ENOENT' ? notFound : notRunnable,
  )
}
