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

/**
 * Runs the command `words`, with `env` added to its environment and with the input and the outputs of this process, and forwards
 * signals to it. Resolves to its exit code, by the shell's rules: 128 and the number of the signal that ended it. Rejects with a
 * `Failure` when it cannot be started.
 */
export async function runCommand(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
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
  try {
    return await exitCodeOf(child, file)
  } finally {
    removeHandlers()
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
