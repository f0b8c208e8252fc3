/** Writes a CPU profile of this process, as `node --cpu-prof` does, but of the time under load alone. */

import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'

export type CpuProfile = Profiler.Profile

const intervalUs = 500

let session: Session | null = null

export async function startProfile(): Promise<void> {
  session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: intervalUs })
  await session.post('Profiler.start')
}

/** Ends the profile. Throws an `Error` when none was started. */
export async function stopProfile(): Promise<CpuProfile> {
  if (session === null) throw new Error('no profile was started')
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  session = null
  return profile
}
