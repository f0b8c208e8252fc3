/** A worker thread of `runSeries`: runs each seed that it receives, until it receives `null`. */
import { parentPort, workerData } from 'node:worker_threads'
import { drawPlan, type PlanOptions } from './draw-plan.ts'
import type { Ran } from './series.ts'
import { runWithCodec } from './wire.ts'

const port = parentPort
if (port === null) throw new Error('this file runs only as a worker thread of the simulator')

port.on('message', (seed: number | null) => {
  if (seed === null) port.close()
  else
    port.postMessage({ seed, report: runWithCodec(drawPlan(seed, workerData as PlanOptions)) } satisfies Ran)
})
