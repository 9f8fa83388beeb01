import type { DrawnState } from '../chart/layout.ts';

/** Scrolls just far enough; the chart alone, not the page. */
export function reveal(scroller: Element, box: DrawnState, scale: number): void {
  const room = {
    left: scroller.scrollLeft,
    top: scroller.scrollTop,
    width: scroller.clientWidth,
    height: scroller.clientHeight,
  };
  const nearest = (at: number, size: number, from: number, length: number): number =>
    at < from ? at : at + size > from + length ? Math.min(at, at + size - length) : from;
  scroller.scrollTo({
    left: nearest((box.x - 16) * scale, (box.width + 32) * scale, room.left, room.width),
    top: nearest((box.y - 16) * scale, (box.height + 32) * scale, room.top, room.height),
  });
}
/** The state that an arrow key leads to: the nearest in that direction, sideways distance counting double. */
export function neighbour(boxes: readonly DrawnState[], from: string, key: string): string | undefined {
  const at = boxes.find((b) => b.state.path === from);
  const direction = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[key];
  if (key === 'Home') return boxes[0]?.state.path;
  if (key === 'End') return boxes.at(-1)?.state.path;
  if (at === undefined || direction === undefined) return undefined;
  const [dx, dy] = direction as [number, number];
  let best: { path: string; cost: number } | undefined;
  for (const b of boxes) {
    if (b === at) continue;
    const x = b.x + b.width / 2 - (at.x + at.width / 2);
    const y = b.y - at.y;
    const along = x * dx + y * dy;
    if (along <= 4) continue;
    const cost = along + 2 * Math.abs(dx === 0 ? x : y);
    if (best === undefined || cost < best.cost) best = { path: b.state.path, cost };
  }
  return best?.path ?? from;
}
