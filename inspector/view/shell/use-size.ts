import type { RefObject } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'
import type { PackedSize } from '../../charts/packing.ts'

/** The present inner size of an element in pixels; `null` before it is known. */
export function useSize(ref: RefObject<HTMLElement | null>): PackedSize | null {
  const [size, setSize] = useState<PackedSize | null>(null)
  useLayoutEffect(() => {
    const element = ref.current
    if (element === null) return
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element
      setSize((before) => (before?.width === width && before.height === height ? before : { width, height }))
    }
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [ref])
  return size
}
