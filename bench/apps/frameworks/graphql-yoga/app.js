import { createServer } from 'node:http';
import { createSchema, createYoga } from 'graphql-yoga';
import { keep } from 'handover';

const VERSION = 1;
const counter = keep('counter', () => ({ count: 0 }));
const tell = () => ({ version: VERSION, pid: process.pid, count: counter.count });

const yoga = createYoga({
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      type Answer {
        version: Int!
        pid: Int!
        count: Int!
      }
      type Query {
        counter: Answer!
      }
      type Mutation {
        count: Answer!
      }
    `,
    resolvers: {
      Query: { counter: tell },
      Mutation: {
        count() {
          counter.count++;
          return tell();
        },
      },
    },
  }),
});
createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1');
