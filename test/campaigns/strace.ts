/** Failures of system calls, injected by strace. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** An error that a system call on `path` returns instead of doing its work. */
export interface SystemFault {
  readonly call: string
  readonly error: 'EIO' | 'ENOSPC'
  readonly path: string
}

/** Why no faults can be injected here; `null` when they can. */
export function straceRefusal(): string | null {
  const { error, status } = spawnSync('strace', ['-qq', '-e', 'inject=getcwd:error=EIO', 'true'])
  if (error !== undefined) return 'strace is not installed: no system call can be made to fail'
  return status === 0 ? null : 'strace cannot trace a process here: no system call can be made to fail'
}

/** The command that runs a program under a fault, without the program. */
export function straceOf({ call, error, path }: SystemFault): readonly string[] {
  const inject = ['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}`]
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-P', path, ...inject]
}

/** Lets the calls of a running process fail, until it ends. Resolves when the fault is in force. */
export async function attach(pid: number, fault: SystemFault): Promise<ChildProcess> {
  const [program = '', ...options] = straceOf(fault).filter((option) => option !== '-qq')
  const tracer = spawn(program, [...options, '-p', `${pid}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  for await (const chunk of tracer.stderr!) {
    text += String(chunk)
    if (/attached/.test(text)) return tracer
  }
  await once(tracer, 'exit')
  throw new Error(`strace cannot attach to ${pid}: ${text}`)
}
