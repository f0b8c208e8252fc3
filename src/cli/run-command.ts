/** Runs a command of the user, such as the one that `paxos lock` protects. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Failure } from './exit-codes.ts'

/** The shell's exit codes for a command that is not there, and for one that cannot be run. */
const notFound = 127
const notRunnable = 126

/** The shell's exit code for a command that a signal ended is this plus the number of the signal. */
const signalled = 128

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const

export interface CommandOptions {
  /** Variables that are added to the environment of the command. */
  readonly env: Readonly<Record<string, string>>
  /** True when the terminal itself sends Ctrl-C to the command too, because this process has a terminal. */
  readonly hasTerminal: boolean
}

/**
 * Runs the command `words` with the input and the outputs of this process, and forwards signals to it. Resolves to its exit code, by
 * the shell's rules: 128 and the number of the signal that ended it. Rejects with a `Failure` when it cannot be started.
 */
export function runCommand(words: readonly string[], { env, hasTerminal }: CommandOptions): Promise<number> {
  const [file = '', ...args] = words
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...env } })
    const forward = (signal: NodeJS.Signals) => {
      if (signal === 'SIGINT' && hasTerminal) return
      child.kill(signal)
    }
    for (const signal of forwarded) process.on(signal, forward)
    const removeHandlers = () => {
      for (const signal of forwarded) process.off(signal, forward)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      // A signal that could not be sent is an error too, of a command that runs.
      if (child.pid !== undefined) return
      removeHandlers()
      const exitCode = error.code === 'ENOENT' ? notFound : notRunnable
      reject(new Failure(`the command ${file} cannot be started: ${error.message}`, exitCode))
    })
    child.once('exit', (code, signal) => {
      removeHandlers()
      resolve(code ?? signalled + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}
