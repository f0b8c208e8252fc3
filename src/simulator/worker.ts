/** A thread of `runSeries`: runs the seeds that it is sent, until it is sent `null`. */
import { parentPort, workerData } from 'node:worker_threads'
import { drawPlan, type PlanOptions } from './draw-plan.ts'
import type { Ran } from './series.ts'
import { runWithCodec } from './wire.ts'

const port = parentPort
if (port === null) throw new Error('this file is run as a worker thread of the simulator, and not by itself')

port.on('message', (seed: number | null) => {
  if (seed === null) port.close()
  else
    port.postMessage({ seed, report: runWithCodec(drawPlan(seed, workerData as PlanOptions)) } satisfies Ran)
})
