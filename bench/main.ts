/**
 * `npm run bench`: the speed and the cost of a cluster, on one machine. Absolute figures mean little on a shared machine: compare the
 * ratios, which are to something in the same run. Options: `--rounds N`, `--seconds S`, `--only PART,…`; or `--against DIR`,
 * `--peer etcd`, `--profile`, `--storage`, `--growth [--requests N]` in place of the parts.
 */
import { cpus } from 'node:os'
import { measureGrowth } from './growth.ts'
import { type Mode, parseBenchOptions } from './options.ts'
import { watchOtherWork } from './other-work.ts'
import { measureParts } from './parts/index.ts'
import { compareBuilds } from './peer/build.ts'
import { compareEtcd } from './peer/etcd.ts'
import { profileLoad } from './profile/profile-load.ts'
import { measureStorage } from './storage.ts'
import { temporaryDirectory } from './workspace.ts'

type Run = (directory: string, options: ReturnType<typeof parseBenchOptions>) => Promise<void>

const runs: Readonly<Record<Mode, Run>> = {
  parts: measureParts,
  build: compareBuilds,
  etcd: compareEtcd,
  profile: profileLoad,
  storage: measureStorage,
  growth: measureGrowth,
}

const options = parseBenchOptions(process.argv.slice(2))
const processors = cpus()
console.log(
  `${new Date().toISOString()}, Node.js ${process.version}, ${processors.length} processors (${processors[0]?.model ?? 'unknown'})`,
)
const otherWork = watchOtherWork()
await runs[options.mode](temporaryDirectory(), options)
const share = otherWork()
if (share !== null)
  console.log(`other processes used ${(share * 100).toFixed(0)} % of the processors during this run`)
