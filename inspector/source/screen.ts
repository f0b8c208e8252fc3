import type { Screen } from '../model/frames.ts'

/** The browser's frames. */
export function browserScreen(isSlow: Screen['isSlow']): Screen {
  const { port1, port2 } = new MessageChannel()
  let seen: (() => void)[] = []
  port1.onmessage = () => {
    const runs = seen
    seen = []
    for (const run of runs) run()
  }
  return {
    now: () => performance.now(),
    atFrame: (run) => requestAnimationFrame(run),
    afterFrame(run) {
      // A message arrives after the frame is finished.
      seen.push(run)
      port2.postMessage(null)
    },
    later(run, ms) {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    isSlow,
  }
}
