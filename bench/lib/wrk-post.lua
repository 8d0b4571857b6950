-- POSTs, and tells at the end what wrk's own summary leaves out.
wrk.method = 'POST'
wrk.body = '{}'
wrk.headers['Content-Type'] = 'application/json'

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"requests":%d,"failed":%d,"longestMs":%.1f}', summary.requests, failed, latency.max / 1000))
end
