// Draws the charts of a page with uPlot from the JSON beside them.
;(() => {
  const plots = new Map()
  const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

  function quantity(value, unit) {
    if (value === null || value === undefined) return '–'
    const size = Math.abs(value)
    const digits = (n) => (Math.abs(n) >= 1000 ? String(Math.round(n)) : String(Number(n.toPrecision(3))))
    if (unit === 's') {
      if (size === 0) return '0'
      if (size >= 1) return `${digits(value)} s`
      return size >= 0.001 ? `${digits(value * 1000)} ms` : `${digits(value * 1e6)} µs`
    }
    if (unit === '1') return `${digits(value * 100)} %`
    if (unit === 'By' || unit === 'By/s') {
      const rest = unit === 'By' ? '' : '/s'
      if (size >= 2 ** 30) return `${digits(value / 2 ** 30)} GiB${rest}`
      if (size >= 2 ** 20) return `${digits(value / 2 ** 20)} MiB${rest}`
      return size >= 1024 ? `${digits(value / 1024)} KiB${rest}` : `${digits(value)} B${rest}`
    }
    return digits(value)
  }

  function axisName(unit) {
    if (['s', '1', 'By', 'By/s'].includes(unit)) return ''
    const [what, per] = unit.replaceAll(/\{(\w*)\}/g, (_all, thing) => thing).split('/')
    const several = !unit.startsWith('{') || what === '' ? what : `${what.replace(/y$/, 'ie')}s`
    return per === undefined ? several : `${several} per ${per === 'min' ? 'minute' : per}`
  }

  /** Steps of an axis of bytes, so that its labels are whole KiB, MiB and GiB. */
  const BYTES = [1, 2 ** 10, 2 ** 20, 2 ** 30].flatMap((of) =>
    Array.from({ length: 10 }, (_, i) => 2 ** i * of),
  )

  const pad = (n) => String(n).padStart(2, '0')
  const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  function clock(seconds, withDay, noTime) {
    const at = new Date(seconds * 1000)
    if (noTime) return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`
    const time = `${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}`
    return withDay ? `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${time}` : time
  }

  /** A point with a gap on both sides would not be seen as a line. */
  function alone(u, series) {
    const values = u.data[series]
    return values.flatMap((value, i) =>
      value !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null ? [i] : [],
    )
  }

  /** Where a change may have happened. */
  function shadeSpans(data) {
    return (u) => {
      for (const span of data.spans ?? []) {
        const left = Math.max(u.bbox.left, u.valToPos(span.from, 'x', true))
        const right = Math.min(u.bbox.left + u.bbox.width, u.valToPos(span.to, 'x', true))
        u.ctx.save()
        u.ctx.fillStyle = styleOf('--band')
        u.ctx.fillRect(left, u.bbox.top, Math.max(0, right - left), u.bbox.height)
        u.ctx.restore()
      }
    }
  }

  function markDeployments(data) {
    return (u) => {
      // Labels that would lie over the one before are left out: the list has them.
      let taken = Number.NEGATIVE_INFINITY
      for (const mark of data.marks ?? []) {
        const x = Math.round(u.valToPos(mark.at, 'x', true))
        if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue
        const { ctx } = u
        const ratio = devicePixelRatio
        ctx.save()
        ctx.strokeStyle = styleOf('--ink')
        ctx.lineWidth = ratio
        ctx.setLineDash([4 * ratio, 3 * ratio])
        ctx.beginPath()
        ctx.moveTo(x, u.bbox.top)
        ctx.lineTo(x, u.bbox.top + u.bbox.height)
        ctx.stroke()
        ctx.fillStyle = styleOf('--ink')
        ctx.font = `${(paper.matches ? 9 : 12) * ratio}px ${styleOf('--font')}`
        ctx.textAlign = 'left'
        ctx.textBaseline = 'bottom'
        const width = ctx.measureText(mark.label).width
        const right = u.bbox.left + u.bbox.width
        const left = Math.max(u.bbox.left, Math.min(x - width / 2, right - width))
        if (left > taken) {
          ctx.fillText(mark.label, left, u.bbox.top - 3 * ratio)
          taken = left + width + 6 * ratio
        }
        ctx.restore()
      }
    }
  }

  function markRegressed(data) {
    return (u) => {
      const { ctx } = u
      for (const [index, value] of u.data[1].entries()) {
        if (value === null) continue
        ctx.save()
        const bad = data.words[index] === 'regressed'
        // A band needs two points: around one alone the interval is a line.
        if (u.data[0].length === 1 && u.data[2][0] !== null && u.data[3][0] !== null) {
          ctx.strokeStyle = styleOf('--line-after')
          ctx.lineWidth = 2 * devicePixelRatio
          ctx.beginPath()
          for (const bound of [u.data[2][0], u.data[3][0]]) {
            ctx.lineTo(u.valToPos(u.data[0][0], 'x', true), u.valToPos(bound, 'y', true))
          }
          ctx.stroke()
        }
        ctx.fillStyle = styleOf(bad ? '--bad' : '--line-after')
        ctx.beginPath()
        ctx.arc(
          u.valToPos(u.data[0][index], 'x', true),
          u.valToPos(value, 'y', true),
          (bad ? 5.5 : 3) * devicePixelRatio,
          0,
          2 * Math.PI,
        )
        ctx.fill()
        ctx.restore()
      }
    }
  }

  function options(data, width, readout) {
    const trend = data.kind === 'trend'
    const text = styleOf('--muted')
    const grid = { stroke: styleOf('--hair'), width: 1 }
    const ticks = { stroke: styleOf('--hair'), width: 1, size: 4 }
    const font = `${paper.matches ? 9 : 12}px ${styleOf('--font')}`
    const long = data.to - data.from > 36 * 3600
    const weeks = data.to - data.from > 14 * 86400
    const top = Math.max(...data.lines.flatMap((line) => line.values.filter((value) => value !== null)), 0)
    const widest = Math.max(quantity(top, data.unit).length, quantity(top / 3, data.unit).length)
    return {
      width,
      height: paper.matches ? 150 : trend ? 170 : width < 480 ? 200 : 240,
      legend: { show: false },
      padding: [trend ? 10 : 20, 24, 0, 0],
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: {
        x: trend
          ? { time: false, range: () => [-0.5, Math.max(data.x.length - 0.5, 0.5)] }
          : { time: true, range: () => [data.from, data.to] },
        // From zero: a change looks as large as it is.
        y: { range: (_u, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
      },
      series: [
        {},
        ...data.lines.map((line) => {
          const stroke = styleOf(`--line-${line.role}`)
          return {
            label: line.label,
            stroke,
            width: line.role === 'band' ? 0 : line.role === 'other' ? 1 : 2,
            ...(line.dashed ? { dash: [5, 4] } : {}),
            points:
              line.role === 'band' || trend ? { show: false } : { size: 4, fill: stroke, filter: alone },
          }
        }),
      ],
      ...(trend ? { bands: [{ series: [3, 2], fill: styleOf('--band') }] } : {}),
      axes: [
        {
          stroke: text,
          font,
          grid: { show: false },
          ticks,
          size: 28,
          space: trend ? 64 : weeks ? 48 : long ? 96 : 56,
          ...(weeks ? { incrs: [7, 14, 28, 56].map((days) => days * 86_400) } : {}),
          ...(trend
            ? {
                incrs: [1, 2, 5, 10, 20, 50, 100],
                values: (_u, at) => at.map((i) => shorten(data.names[i] ?? '')),
              }
            : { values: (_u, at) => at.map((s) => clock(s, long, weeks)) }),
        },
        {
          stroke: text,
          font,
          grid,
          ticks: { show: false },
          size: 22 + widest * 7,
          space: trend ? 28 : 36,
          ...(data.unit.startsWith('By') ? { incrs: BYTES } : {}),
          values: (_u, at) => at.map((value) => quantity(value, data.unit)),
          ...(axisName(data.unit) === ''
            ? {}
            : { label: axisName(data.unit), labelSize: 18, labelFont: font }),
        },
      ],
      hooks: {
        drawClear: trend ? [] : [shadeSpans(data)],
        draw: [trend ? markRegressed(data) : markDeployments(data)],
        setCursor: [
          (u) => {
            const index = u.cursor.idx
            if (index === null || index === undefined) {
              readout.textContent = ''
              return
            }
            const parts = data.lines
              .filter((line) => line.role !== 'band' && line.values[index] !== null)
              .map((line) => `${trend ? '' : `${line.label} `}${quantity(line.values[index], data.unit)}`)
            const at = trend ? data.names[index] : `${clock(data.x[index], true)} UTC`
            readout.textContent = `${at}: ${parts.join(' · ')}`
          },
        ],
      },
    }
  }

  const shorten = (name) => (name.length > 10 ? `${name.slice(0, 9)}…` : name)

  function draw(element, width) {
    const source = document.getElementById(element.dataset.chart)
    const data = JSON.parse(source.textContent)
    const readout = element.parentElement.querySelector('.readout')
    plots.get(element)?.destroy()
    element.replaceChildren()
    plots.set(
      element,
      new uPlot(options(data, width, readout), [data.x, ...data.lines.map((line) => line.values)], element),
    )
    element.dataset.drawn = 'true'
  }

  // Paper is white and as wide as a page, whatever the window was.
  const paper = matchMedia('print')
  const widthOf = (element) =>
    paper.matches ? (element.closest('.grid') === null ? 640 : 310) : Math.floor(element.clientWidth)

  const widths = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const width = widthOf(entry.target)
      if (width > 0 && plots.get(entry.target)?.width !== width) draw(entry.target, width)
    }
  })

  function start() {
    for (const element of plots.keys()) {
      if (element.isConnected) continue
      plots.get(element).destroy()
      plots.delete(element)
    }
    for (const element of document.querySelectorAll('.plot')) widths.observe(element)
  }

  function redraw() {
    for (const element of plots.keys()) draw(element, widthOf(element))
  }

  start()
  document.addEventListener('postflight:renewed', start)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw)
  paper.addEventListener('change', redraw)
})()
