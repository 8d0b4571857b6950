export default function handler(request, response) {
  response.json(request.method === 'POST' ? request.counter.add() : request.counter.tell());
}
