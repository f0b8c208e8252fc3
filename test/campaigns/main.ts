/**
 * `npm run campaign:kill`, `npm run campaign:disk` and `npm run campaign:power`: real servers under load whose processes are killed,
 * whose disks fail, or whose power fails. Prints what it did; ends with 1 when something does not hold. `npm run campaign:kill -- 20`
 * kills 20 times instead of 100.
 */
import { diskCampaign } from './disk.ts'
import { killCampaign } from './kill.ts'
import { mountRefusal, powerCampaign } from './power.ts'
import { straceRefusal } from './strace.ts'

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(message: string): never {
  process.stderr.write(`campaign: ${message}\n`)
  process.exit(2)
}

type Faults = { readonly faults: readonly string[] }

function skip(refusal: string): never {
  print(`skipped: ${refusal}`)
  process.exit(0)
}

function run(campaign: string | undefined, count: string): Promise<Faults> {
  const times = Number(count)
  if (!Number.isSafeInteger(times) || times < 1) {
    return fail(`the number of times must be a whole number above 0; received ${count}`)
  }
  switch (campaign) {
    case 'kill':
      return killCampaign(times, print)
    case 'disk': {
      const refusal = straceRefusal()
      return refusal === null ? diskCampaign(print) : skip(refusal)
    }
    case 'power': {
      const refusal = mountRefusal()
      return refusal === null ? powerCampaign(times, print) : skip(refusal)
    }
    default:
      return fail(`give kill, disk or power; received ${campaign}`)
  }
}

const [campaign, count = '100'] = process.argv.slice(2)
const { faults, ...figures } = await run(campaign, count)
print(JSON.stringify(figures))
for (const fault of faults) print(`FAULT: ${fault}`)
print(faults.length === 0 ? 'nothing was lost' : 'something does not hold')
process.exit(faults.length === 0 ? 0 : 1)
