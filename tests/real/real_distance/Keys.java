import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/** For each line of standard input, a key in hexadecimal digits: the partition of each number of partitions. */
class Keys {
    public static void main(String[] counts) throws Exception {
        BufferedReader keys = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder answers = new StringBuilder();
        for (String key = keys.readLine(); key != null; key = keys.readLine()) {
            byte[] bytes = HexFormat.of().parseHex(key);
            for (String count : counts) {
                answers.append(BuiltInPartitioner.partitionForKey(bytes, Integer.parseInt(count))).append(' ');
            }
            answers.append('\n');
        }
        System.out.print(answers);
    }
}
