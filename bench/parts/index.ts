/** A run without other options: every part after the other. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BenchOptions, PartName } from '../options.ts'
import { Agent } from '../processes/agent.ts'
import type { ClientCommands } from '../processes/client-process.ts'
import { measureCatchUp } from './catch-up.ts'
import { measureFailover } from './failover.ts'
import { measureFloor } from './floor.ts'
import { measureHandOffs } from './hand-off.ts'
import { measureHolders } from './holders.ts'
import { measureIdle } from './idle.ts'
import { measureLoss } from './loss.ts'
import type { Bench } from './part.ts'
import { measureReads } from './reads.ts'
import { measureRequests } from './requests.ts'
import { measureSnapshot } from './snapshot.ts'
import { measureSpread } from './spread.ts'

const measures: Readonly<Record<PartName, (bench: Bench) => Promise<void>>> = {
  floor: measureFloor,
  requests: measureRequests,
  reads: measureReads,
  idle: measureIdle,
  holders: measureHolders,
  spread: measureSpread,
  loss: measureLoss,
  failover: measureFailover,
  'hand-off': measureHandOffs,
  'catch-up': measureCatchUp,
  snapshot: measureSnapshot,
}

/** Starts the process of the clients. */
export function startClient(): Promise<Agent<ClientCommands>> {
  return Agent.start(new URL('../processes/client-process.js', import.meta.url))
}

/** Measures the parts that `options` names, below `directory`, and prints each as soon as it is measured. */
export async function measureParts(directory: string, options: BenchOptions): Promise<void> {
  const client = await startClient()
  for (const part of options.parts) {
    const ownDirectory = join(directory, part)
    await mkdir(ownDirectory)
    await measures[part]({ ...options, directory: ownDirectory, client })
  }
  await client.end()
}
