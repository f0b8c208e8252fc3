/** A series of runs, one for each seed, on worker threads. */
import { Worker } from 'node:worker_threads'
import { drawPlan, type PlanOptions } from './draw-plan.ts'
import type { RunReport } from './run-report.ts'
import { runWithCodec } from './wire.ts'

export interface SeriesOptions {
  readonly seeds: readonly number[]
  readonly plan: PlanOptions
  /** The number of worker threads; with 1 the runs use the calling thread. */
  readonly jobs: number
  /** Receives the report of each run, in no fixed order. */
  readonly ran: (seed: number, report: RunReport) => void
}

/** The message from a worker: the report of one run. A worker receives the seed to run. */
export interface Ran {
  readonly seed: number
  readonly report: RunReport
}

/** Runs every seed. Rejects when a worker fails. */
export async function runSeries({ seeds, plan, jobs, ran }: SeriesOptions): Promise<void> {
  if (jobs === 1) {
    for (const seed of seeds) {
      ran(seed, runWithCodec(drawPlan(seed, plan)))
      // Lets the process handle signals and draw a progress bar.
      await new Promise((next) => setImmediate(next))
    }
    return
  }
  const left = seeds.values()
  await Promise.all(Array.from({ length: Math.min(jobs, seeds.length) }, () => work(left, plan, ran)))
}

/** One worker. It takes the next seed after each run. */
function work(left: Iterator<number>, plan: PlanOptions, ran: SeriesOptions['ran']): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = startWorker(plan)
    const next = () => {
      const { done, value } = left.next()
      worker.postMessage(done === true ? null : value)
    }
    worker.on('message', ({ seed, report }: Ran) => {
      ran(seed, report)
      next()
    })
    worker.on('error', reject)
    worker.on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`a worker thread ended with exit code ${code}`))
    })
    next()
  })
}

/** The worker's file is beside this one, built or not. From source, the worker needs a loader for TypeScript. */
function startWorker(plan: PlanOptions): Worker {
  const options = { workerData: plan }
  if (import.meta.url.endsWith('.js')) return new Worker(new URL('./worker.js', import.meta.url), options)
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const source = JSON.stringify(new URL('./worker.ts', import.meta.url).href)
  const code = `import(${tsx}).then(({ register }) => { register(); return import(${source}) })`
  return new Worker(code, { ...options, eval: true })
}
