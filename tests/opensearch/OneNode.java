import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * One node of OpenSearch on the loopback interface: `OneNode HOME HTTP_PORT TRANSPORT_PORT [SETTING=VALUE…]`, with the
 * security plugin where that is on the class path.
 */
public final class OneNode extends Node {
    private static final List<Class<?>> PLUGINS = List.of(
        org.opensearch.transport.Netty4ModulePlugin.class,
        org.opensearch.analysis.common.CommonAnalysisModulePlugin.class,
        org.opensearch.index.reindex.ReindexModulePlugin.class
    );
    private static final String SECURITY = "org.opensearch.security.OpenSearchSecurityPlugin";

    private OneNode(Environment environment, List<PluginInfo> plugins) {
        super(environment, plugins, false);
    }

    private static PluginInfo onTheClassPath(Class<?> plugin) {
        return new PluginInfo(plugin.getSimpleName(), "-", "1", Version.CURRENT, "21", plugin.getName(), null, List.of(), false);
    }

    public static void main(String[] arguments) throws Exception {
        List<Class<?>> plugins = new ArrayList<>(PLUGINS);
        Settings.Builder settings = Settings.builder();
        try {
            plugins.add(Class.forName(SECURITY, false, OneNode.class.getClassLoader()));
        } catch (ClassNotFoundException notThere) {
            settings.put("http.type", "netty4").put("transport.type", "netty4");
        }
        Path home = Path.of(arguments[0]);
        settings
            .put("path.home", home.toString())
            .put("node.name", "one")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1")
            .put("http.port", arguments[1])
            .put("transport.port", arguments[2]);
        Stream.of(arguments).skip(3).map(each -> each.split("=", 2)).forEach(pair -> settings.put(pair[0], pair[1]));
        Environment environment = new Environment(settings.build(), home.resolve("config"));
        Node node = new OneNode(environment, plugins.stream().map(OneNode::onTheClassPath).toList());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception ignored) {
                // The process ends anyway.
            }
        }));
        node.start();
        Thread.currentThread().join();
    }
}
