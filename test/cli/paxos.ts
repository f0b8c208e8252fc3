/** Runs `paxos`, as processes, for tests. */
import { BuiltPaxos, type Ended } from '../support/built-paxos.ts'

/** Runs `paxos` to its end. */
export function paxos(...args: string[]): Promise<Ended> {
  return new BuiltPaxos(args).ended
}

/** True while the process `pid` is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
